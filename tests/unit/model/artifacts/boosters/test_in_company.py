"""Rows of several requests, predicted together, get the bits that they get alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.folders import load, predict
from tests.unit.model.artifacts.boosters.fitted import QUIET, regressor, save


def linear_trees(rows: Any, target: Any) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    options = {"objective": "regression", "linear_tree": True, **QUIET}
    return lightgbm.train(options, lightgbm.Dataset(rows, target), num_boost_round=20)


def of_xgboost(**options: Any) -> Callable[[Any, Any], Any]:
    return lambda rows, target: regressor("xgboost", **options).fit(rows, target).get_booster()


MERGED: dict[str, Callable[[Any, Any], Any]] = {
    "xgboost dart": of_xgboost(booster="dart", rate_drop=0.3),
    "xgboost linear": of_xgboost(booster="gblinear"),
    "xgboost trees": of_xgboost(),
    "lightgbm linear trees": linear_trees,
    "lightgbm": lambda rows, target: regressor("lightgbm").fit(rows, target).booster_,
    "catboost": lambda rows, target: regressor("catboost").fit(rows, target),
}


@pytest.mark.parametrize("train", MERGED.values(), ids=MERGED)
def test_rows_in_company_get_the_same_bits(
    tmp_path: Path, rows: pd.DataFrame, target: Any, train: Callable[[Any, Any], Any]
) -> None:
    whole = rows.fillna(0.0)
    predictor = load(save(train(whole, target), tmp_path, "pkl"), "regression")
    assert predictor.info.batchable
    together = predict(predictor, whole).values
    for size in (1, 2, 7, 65):
        parts = [
            predict(predictor, whole[i : i + size]).values
            for i in range(0, min(20 * size, 130), size)
        ]
        alone = np.concatenate(parts)
        np.testing.assert_array_equal(alone, together[: len(alone)])


def test_xgboost_file_of_dart_in_company(tmp_path: Path, rows: pd.DataFrame, target: Any) -> None:
    model = regressor("xgboost", booster="dart", rate_drop=0.3).fit(rows, target)
    predictor = load(save(model, tmp_path, "ubj"), "regression")
    alone = [predict(predictor, rows[i : i + 1]).values[0, 0] for i in range(40)]
    np.testing.assert_array_equal(alone, model.predict(rows)[:40])
