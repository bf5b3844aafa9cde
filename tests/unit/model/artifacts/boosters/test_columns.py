"""Columns of boosted trees go by name where the model has names, else by position."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.artifacts.boosters.columns import booster_columns_of
from datarobot_drum.drum.model.columns import UNKNOWN, aligned
from datarobot_drum.drum.model.local import LocalPredictor
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.boosters.fitted import FILES, FORMS, KINDS, native, regressor, save


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_columns_go_by_name(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str, form: str
) -> None:
    estimator = regressor(kind).fit(rows, target)
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    expected = estimator.predict(rows)
    for names in (["age", "sepal length", "height"], ["height", "age", "sepal length"]):
        values = predict(predictor, rows[names]).values[:, 0]
        np.testing.assert_array_equal(values, expected)
    numbered = rows.set_axis(range(3), axis="columns")
    np.testing.assert_array_equal(predict(predictor, numbered).values[:, 0], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("as_estimator", [True, False])
def test_the_scikit_learn_interface_remembers_the_same_columns(
    rows: pd.DataFrame, target: Any, kind: str, as_estimator: bool
) -> None:
    estimator = regressor(kind)
    assert booster_columns_of(estimator) in (None, UNKNOWN)
    estimator.fit(rows, target)
    columns = booster_columns_of(estimator if as_estimator else native(kind, estimator))
    assert columns is not None
    brought = aligned(rows[["height", "age", "sepal length"]], columns)
    np.testing.assert_array_equal(estimator.predict(brought), estimator.predict(rows))


def test_other_estimators_are_none_of_them(rows: pd.DataFrame, target: Any) -> None:
    from sklearn.linear_model import LinearRegression

    assert booster_columns_of(LinearRegression().fit(rows[["age"]], target)) is None
    assert booster_columns_of("passthrough") is None


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_columns_are_the_clients_mistake(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str
) -> None:
    model = native(kind, regressor(kind).fit(rows, target))
    predictor = load(save(model, tmp_path, "pkl"), "regression")
    with pytest.raises(ColumnsError, match="'height'.*missing.*Did you mean 'height' by 'heigt'"):
        predict(predictor, rows.rename(columns={"height": "heigt"}))
    with pytest.raises(ColumnsError, match="column 'age' of the model is missing"):
        predict(predictor, rows[["height", "sepal length"]])
    extra = rows.assign(other=1.0)[["other", "age", "sepal length", "height"]]
    if kind == "catboost":  # it looks at no column after its own
        values = predict(predictor, extra).values
        np.testing.assert_array_equal(values, predict(predictor, rows).values)
    else:
        with pytest.raises(ColumnsError, match="column 'other' not known to the model"):
            predict(predictor, extra)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["pkl", "file"])
def test_models_without_names_take_columns_by_position_and_count_them(
    tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str, form: str
) -> None:
    estimator = regressor(kind).fit(rows.to_numpy(), target)
    form = FILES[kind][0] if form == "file" else form
    predictor = load(save(native(kind, estimator), tmp_path, form), "regression")
    expected = estimator.predict(rows.to_numpy())
    np.testing.assert_array_equal(predict(predictor, rows).values[:, 0], expected)
    for wrong, count in ((rows[["age"]], 1), (rows.assign(more=1.0), 4)):
        with pytest.raises(ColumnsError, match=f"takes 3 columns, but the rows have {count}"):
            predict(predictor, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_as_names(tmp_path: Path, rows: pd.DataFrame, target: Any, kind: str) -> None:
    named = rows.set_axis([30, 10, 20], axis="columns")
    estimator = regressor(kind).fit(named, target)
    predictor = load(save(native(kind, estimator), tmp_path, "pkl"), "regression")
    asked = named[[10, 20, 30]].rename(columns=str)
    expected = estimator.predict(named)
    np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)


def test_lightgbm_writes_an_underscore_for_a_blank_and_for_nothing_else(
    tmp_path: Path, rows: pd.DataFrame, target: Any
) -> None:
    names = ["é  x", "tab\there", "sepal length"]
    named = rows.set_axis(names, axis="columns")
    estimator = regressor("lightgbm").fit(named, target)
    predictor = load(save(estimator.booster_, tmp_path, "txt"), "regression")
    expected = estimator.predict(named)
    for asked in (named[names[::-1]], named[names[::-1]].rename(columns={"é  x": "é__x"})):
        np.testing.assert_array_equal(predict(predictor, asked).values[:, 0], expected)
    with pytest.raises(ColumnsError, match="tab\there"):
        predict(predictor, named.rename(columns={"tab\there": "tab_here"}))


TWO_NUMBERS = pd.DataFrame(np.random.default_rng(2).normal(0, 1, (40, 2)), columns=["a", "b"])


def of_two_numbers(folder: Path, kind: str) -> LocalPredictor:
    """A regressor that learned two columns of numbers, called a and b."""
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoostRegressor"}
    options = {"verbose": 0, "allow_writing_files": False} if kind == "catboost" else {}
    regressor = getattr(library, make[kind])(n_estimators=3, **options)
    model = regressor.fit(TWO_NUMBERS, TWO_NUMBERS["a"])
    return load(write_folder(folder, model_pkl=model), "regression")


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_text_in_a_column_of_numbers_is_the_clients_mistake(tmp_path: Path, kind: str) -> None:
    predictor = of_two_numbers(tmp_path, kind)
    with pytest.raises(ColumnsError, match="Column 'b' holds 'word' in row 1, but"):
        predict(predictor, TWO_NUMBERS.astype({"b": object}).assign(b="word"))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_numbers_that_came_as_objects_are_numbers(tmp_path: Path, kind: str) -> None:
    predictor = of_two_numbers(tmp_path, kind)
    plain = pd.DataFrame({"a": [1.5, -1.0, np.nan], "b": [float(2**63), -1.0, 1.0]})
    odd = pd.DataFrame({"a": ["1.5", -1, None], "b": [2**63, -1, True]}, dtype=object)
    np.testing.assert_array_equal(predict(predictor, odd).values, predict(predictor, plain).values)
