"""ONNX against itself."""

from __future__ import annotations

import pytest

from tests.differential.networks import ONNX, ONNX_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("skl2onnx")


class TestONNX(Differential):
    CASES = cases("onnx", ONNX, ONNX_FORMS)
