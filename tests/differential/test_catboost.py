"""CatBoost against itself."""

from __future__ import annotations

import pytest

from tests.differential.boosters import CATBOOST, CATBOOST_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("catboost")


class TestCatBoost(Differential):
    CASES = cases("catboost", CATBOOST, CATBOOST_FORMS)
