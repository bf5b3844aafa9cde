"""LightGBM against itself."""

from __future__ import annotations

import pytest

from tests.differential.boosters import LIGHTGBM, LIGHTGBM_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("lightgbm")


class TestLightGBM(Differential):
    CASES = cases("lightgbm", LIGHTGBM, LIGHTGBM_FORMS)
