"""Keras against itself."""

from __future__ import annotations

import pytest

from tests.differential.networks import KERAS, KERAS_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("keras")


class TestKeras(Differential):
    CASES = cases("keras", KERAS, KERAS_FORMS)
