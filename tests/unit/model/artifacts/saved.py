"""What the tests of several frameworks save and load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.folders import load

LABELS = ("setosa", "versicolor", "virginica")


def binary(folder: Path) -> Any:
    return load(folder, "binary", positive_class_label="ill", negative_class_label="well")


def xgb_binary(rows: Any, target: Any) -> Any:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(rows, label=target)
    return xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=3)
