"""What a later step of a pipeline knows of a column is of the table's own column, or of none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from datarobot_drum.drum.model.artifacts.sklearn_columns import sklearn_columns
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, write_folder
from tests.unit.model.artifacts.columns_data import CODES, NUMBERS, TARGET

ROWS = CODES[["width", "height", "code"]].assign(age=np.arange(len(CODES)) % 80)
WANTED = TARGET + ROWS["code"].map({"07": 1.0, "12": 50.0, "A1": 200.0}) + (ROWS["age"] > 40) * 9
JSON = "application/json"
QUIET = {"verbose": False, "allow_writing_files": False}


class Passing(TransformerMixin, BaseEstimator):
    """A step of the user's that remembers no names."""

    def fit(self, rows: Any, target: Any = None) -> Passing:
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        return rows.assign(area=rows["width"] * rows["height"])


def with_area(rows: Any) -> Any:
    return rows.assign(area=rows["width"] * rows["height"])


def ages(rows: Any) -> Any:
    return rows[["age"]]


def as_groups(rows: Any) -> Any:
    return rows.assign(age=np.where(rows["age"] > 40, "old", "young"))


def as_words(rows: Any) -> Any:
    return rows.assign(age=rows["age"].map(lambda age: {0: "none", 1: "one"}.get(age, "many")))


def as_categories(rows: Any) -> Any:
    groups = pd.cut(rows["age"], [-1, 20, 40, 90], labels=["a", "b", "c"])
    return rows.assign(age=groups, code=pd.Categorical(rows["code"], ["07", "12", "A1"]))


def records(rows: Any) -> Any:
    return rows.to_dict("records")


def scaled(*, pandas: bool = True, prefix: bool = True) -> Any:
    columns = ColumnTransformer(
        [("scale", StandardScaler(), ["width"])],
        remainder="passthrough",
        verbose_feature_names_out=prefix,
    )
    return columns.set_output(transform="pandas") if pandas else columns


def encoded(*columns: Any) -> Any:
    one_hot = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("words", one_hot, list(columns))], remainder="passthrough")


def boosted() -> Any:
    return HistGradientBoostingRegressor(
        max_iter=5, min_samples_leaf=5, categorical_features="from_dtype"
    )


def ordinal() -> Any:
    return OrdinalEncoder().set_output(transform="pandas")


MODELS: dict[str, Callable[[], Any]] = {
    "with a prefix": lambda: make_pipeline(scaled(), encoded("remainder__code"), Ridge()),
    "by place": lambda: make_pipeline(scaled(pandas=False), encoded(2), Ridge()),
    "two in a row": lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent"), scaled_places(), encoded(2), Ridge()
    ),
    "a union": lambda: make_pipeline(
        FeatureUnion([("all", "passthrough"), ("ages", FunctionTransformer(ages))]),
        encoded(2),
        Ridge(),
    ),
    "a stack": lambda: StackingRegressor(
        [("one", make_pipeline(encoded("code"), Ridge()))], LinearRegression(), passthrough=False
    ),
    "a step of the user's": lambda: make_pipeline(Passing(), encoded("code"), Ridge()),
    "a function": lambda: make_pipeline(
        FunctionTransformer(with_area), encoded("code", "age"), Ridge()
    ),
    "groups": lambda: make_pipeline(
        FunctionTransformer(as_groups), encoded("code", "age"), Ridge()
    ),
    "words": lambda: make_pipeline(FunctionTransformer(as_words), encoded("code", "age"), Ridge()),
    "categories": lambda: make_pipeline(FunctionTransformer(as_categories), boosted()),
    "records": lambda: make_pipeline(FunctionTransformer(records), DictVectorizer(), Ridge()),
    "numbers of codes": lambda: make_pipeline(
        ColumnTransformer(
            [("code", ordinal(), ["code"])],
            remainder="passthrough",
            verbose_feature_names_out=False,
        ).set_output(transform="pandas"),
        encoded("code"),
        Ridge(),
    ),
}


def scaled_places() -> Any:
    return ColumnTransformer([("scale", StandardScaler(), [0])], remainder="passthrough")


@pytest.mark.parametrize("name", list(MODELS))
def test_a_model_answers_as_where_it_was_fitted(tmp_path: Path, name: str) -> None:
    model = MODELS[name]().fit(ROWS, WANTED)
    alone = ROWS[ROWS["code"] == "07"].head(2)
    assert_answers_as(tmp_path, model, alone, ROWS)


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "histograms"])
def test_categories_go_through_a_step_in_front(tmp_path: Path, kind: str, prefix: bool) -> None:
    rows = ROWS.assign(code=ROWS["code"].astype("category"))
    rows = rows.rename(columns={"height": "the height"})
    if kind == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        booster = lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=5, verbose=-1)
    elif kind == "xgboost":
        xgboost = pytest.importorskip("xgboost", minversion="3.1")
        booster = xgboost.XGBRegressor(n_estimators=5, enable_categorical=True)
    else:
        booster = boosted()
    model = make_pipeline(scaled(prefix=prefix), booster).fit(rows, WANTED)
    alone = rows[rows["code"] == "07"].head(2)
    assert_answers_as(tmp_path, model, alone, rows)


@pytest.mark.parametrize("pandas", [True, False])
def test_catboosts_categories_go_through_a_step_in_front(tmp_path: Path, pandas: bool) -> None:
    catboost = pytest.importorskip("catboost")
    names: list[Any] = ["remainder__code"] if pandas else [2]
    booster = catboost.CatBoostRegressor(iterations=5, cat_features=names, **QUIET)
    model = make_pipeline(scaled(pandas=pandas), booster).fit(ROWS, WANTED)
    alone = ROWS[ROWS["code"] == "07"].head(2)
    assert_answers_as(tmp_path, model, alone, ROWS)


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_a_model_without_names_has_columns_of_text_too(tmp_path: Path) -> None:
    encoder = OneHotEncoder(handle_unknown="ignore")
    rows = ROWS[["code", "age"]]
    model = make_pipeline(encoder, Ridge()).fit(rows.to_numpy(), WANTED)
    assert sklearn_columns(model).text == {"0"}
    alone = rows[rows["code"] == "07"].head(2)
    assert_answers_as(tmp_path, model, alone, rows, lambda frame: model.predict(frame.to_numpy()))


@pytest.mark.parametrize("values", [[1, 2], [1, 2, None], [1.5, 2.0, None], [True, False, None]])
@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_numbers_that_were_objects_in_training(
    tmp_path: Path, encoder: Any, values: list[Any]
) -> None:
    column = pd.Series((values * 60)[:60], dtype=object)
    rows = NUMBERS.assign(code=column)
    columns = ColumnTransformer([("code", encoder, ["code"])], remainder="passthrough")
    model = make_pipeline(columns, boosted()).fit(rows, TARGET)
    assert_answers_as(tmp_path, model, rows.head(1), rows)


def assert_answers_as(
    tmp_path: Path,
    model: Any,
    alone: pd.DataFrame,
    rows: pd.DataFrame,
    judge: Callable[[pd.DataFrame], Any] | None = None,
) -> None:
    """By CSV and JSON, alone and in company."""
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    for frame in (alone, rows):
        expected = (judge or model.predict)(frame)
        for body, kind in (
            (frame.to_csv(index=False), None),
            (frame.to_json(orient="records"), JSON),
        ):
            table, source = read_data(body.encode(), kind, None, predictor)
            found = predictor.predict(table, source).values[:, 0]
            np.testing.assert_allclose(found, expected, rtol=1e-9)
