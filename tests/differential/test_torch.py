"""Torch against itself."""

from __future__ import annotations

import pytest

from tests.differential.networks import TORCH, TORCH_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("torch")


class TestTorch(Differential):
    CASES = cases("torch", TORCH, TORCH_FORMS)
