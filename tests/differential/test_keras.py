"""Keras against itself, on the backend that installs anywhere."""

from __future__ import annotations

import os

import pytest

from tests.differential.networks import KERAS, KERAS_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")


class TestKeras(Differential):
    CASES = cases("keras", KERAS, KERAS_FORMS)
