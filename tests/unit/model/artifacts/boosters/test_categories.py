"""Categories that boosted trees were fitted on are known from the model."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ColumnsError, ModelError
from datarobot_drum.drum.model.artifacts.boosters.columns import booster_columns_of
from datarobot_drum.drum.model.columns import aligned
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.boosters.fitted import (
    FORMS,
    as_read,
    fitted_on_categories,
    native,
    regressor,
    save,
)


@pytest.mark.parametrize(("kind", "form"), [f for f in FORMS if f[0] != "catboost"])
def test_pandas_categories_are_known_from_the_model(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, kind: str, form: str
) -> None:
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    assert predictor.info.text_columns == {"size", "code"}
    expected = estimator.predict(mixed)
    asked = as_read(mixed)[["zone", "count", "code", "weight", "size"]]
    np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)
    for place in range(12):
        alone = predict(predictor, asked.iloc[[place]]).values[:, 0]
        np.testing.assert_array_equal(alone, expected[[place]])


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_word_that_is_a_category_is_no_gap_in_a_csv(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, kind: str
) -> None:
    worded = mixed.assign(size=mixed["size"].cat.rename_categories({"S": "NA"}))
    estimator = fitted_on_categories(kind, worded, mixed_target)
    predictor = load(write_folder(tmp_path, model_pkl=estimator), "regression")
    frame, source = read_data(worded.to_csv(index=False).encode(), None, None, predictor)
    assert frame["size"].eq("NA").any()
    result = predictor.predict(frame, source)
    np.testing.assert_array_equal(result.values[:, 0], estimator.predict(worded))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_estimators_know_their_categories_too(
    mixed: pd.DataFrame, mixed_target: Any, kind: str
) -> None:
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    columns = booster_columns_of(pickle.loads(pickle.dumps(estimator)))
    assert columns is not None
    brought = aligned(as_read(mixed), columns)
    np.testing.assert_array_equal(estimator.predict(brought), estimator.predict(mixed))


def test_xgboost_categories_are_read_without_arrow_too(
    mixed: pd.DataFrame, mixed_target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    booster = fitted_on_categories("xgboost", mixed, mixed_target).get_booster()
    with_arrow = booster_columns_of(booster)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert booster_columns_of(booster) == with_arrow


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_unseen_categories_are_missing_ones(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, kind: str
) -> None:
    """XGBoost 3.2 itself takes the next one in the alphabet, or refuses."""
    estimator = fitted_on_categories(kind, mixed, mixed_target)
    predictor = load(save(native(kind, estimator), tmp_path, "pkl"), "regression")
    gaps = mixed.head(4).copy()
    gaps["code"] = gaps["code"].cat.set_categories([]).cat.set_categories(["07", "12", "A1"])
    gaps["zone"] = gaps["zone"].cat.set_categories([]).cat.set_categories([30, 1, 7])
    expected = estimator.predict(gaps)
    for code, zone in (("B", 8), ("000", -1), ("~", 10**6), (None, None)):
        asked = as_read(mixed.head(4)).assign(code=code, zone=zone)
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


def test_lightgbm_tells_categories_from_whole_numbers_that_were_split_by_category(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any
) -> None:
    estimator = regressor("lightgbm")
    estimator.fit(mixed, mixed_target, categorical_feature=["count", "code"])
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    values = predict(predictor, as_read(mixed)).values[:, 0]
    np.testing.assert_array_equal(values, estimator.predict(mixed))


def test_lightgbm_refuses_where_the_file_does_not_tell_the_categories(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any
) -> None:
    """Ordered categories are split as numbers: a column of 0, 1, 2 looks the same."""
    twins = mixed.assign(count=mixed["count"] % 3)[["size", "count", "weight"]]
    estimator = regressor("lightgbm").fit(twins, mixed_target)
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    with pytest.raises(ModelError, match="does not tell which columns are its 1 pandas categor"):
        predict(predictor, as_read(twins))
    values = predict(predictor, twins).values[:, 0]
    np.testing.assert_array_equal(values, estimator.predict(twins))


@pytest.mark.parametrize("form", ["json", "pkl", "estimator"])
def test_xgboost_keeps_no_categories_beyond_ascii_and_says_so(tmp_path: Path, form: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows = pd.DataFrame({"a": np.arange(90.0), "city": pd.Categorical(["石家庄", "哈尔滨"] * 45)})
    if form == "estimator":
        model = xgboost.XGBRegressor(n_estimators=2, enable_categorical=True).fit(rows, rows["a"])
    else:
        data = xgboost.DMatrix(rows, rows["a"], enable_categorical=True)
        model = xgboost.train({}, data, num_boost_round=2)
    folder = save(model, tmp_path, "json" if form == "json" else "pkl")
    predictor = load(folder, "regression")
    with pytest.raises(ModelError, match="does not keep the categories of column 'city'"):
        predict(predictor, as_read(rows))


@pytest.mark.parametrize("form", ["pkl", "joblib", "cbm"])
def test_catboost_takes_categories_as_text_and_whole_numbers(
    tmp_path: Path, mixed: pd.DataFrame, mixed_target: Any, form: str
) -> None:
    frame = as_read(mixed).assign(
        flag=mixed["count"] > 4, words=mixed["count"].map(lambda n: "good bad ugly"[n:])
    )
    estimator = regressor(
        "catboost", cat_features=["code", "zone", "size", "flag"], text_features=["words"]
    ).fit(frame, mixed_target)
    predictor = load(save(estimator, tmp_path, form), "regression")
    assert predictor.info.text_columns == {"code", "zone", "size", "flag", "words"}
    expected = estimator.predict(frame)
    as_text = frame.astype({"zone": str, "flag": str})
    for asked in (frame, as_text, as_text[sorted(frame)], frame.astype({"code": "category"})):
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_list_is_no_category(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor"}
    options = {"enable_categorical": True} if kind == "xgboost" else {"verbose": -1}
    rows = pd.DataFrame({"t": pd.Categorical(["x", "y"] * 20), "v": np.arange(40.0)})
    model = getattr(library, make[kind])(n_estimators=3, **options).fit(rows, rows["v"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    with pytest.raises(ColumnsError, match="Column 't' holds what is no category"):
        predict(predictor, pd.DataFrame({"t": [["x"]], "v": [1.0]}))
