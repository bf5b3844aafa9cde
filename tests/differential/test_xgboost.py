"""XGBoost against itself."""

from __future__ import annotations

import pytest

from tests.differential.boosters import XGBOOST, XGBOOST_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("xgboost")


class TestXGBoost(Differential):
    CASES = cases("xgboost", XGBOOST, XGBOOST_FORMS)
