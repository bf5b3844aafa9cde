"""Whatever a reader delivers and whatever came before: the answer is the fitted model's own."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.model.artifacts.sklearn import EstimatorModel
from tests.unit.model.artifacts.fast_paths.tables import NUMBERS, READERS, WORDS, Table, columns_of

ISLANDS = ["Biscoe", "Dream", "Torgersen", "07", "1e5"]
ORDINARY = {
    "mass": st.floats(10, 60) | st.floats(10, 60).map(lambda number: round(number, 1)) | st.none(),
    "length": st.floats(-1, 9),
    "year": st.integers(2000, 2030),
    "island": st.sampled_from(ISLANDS),
    "sex": st.sampled_from(["female", "male"]),
}
ODD = {
    "mass": NUMBERS,
    "length": NUMBERS,
    "year": NUMBERS,
    "island": st.sampled_from(["Atlantis", None]) | WORDS | NUMBERS,
    "sex": st.none() | WORDS,
}
NUMBER_NAMES, WORD_NAMES = ["mass", "length", "year"], ["island", "sex"]


def training_rows(gaps: bool = True) -> pd.DataFrame:
    random = np.random.default_rng(3)
    rows = 90
    frame = pd.DataFrame(
        {
            "mass": random.normal(40, 8, rows),
            "length": random.normal(5, 2, rows),
            "year": random.integers(2000, 2030, rows),
            "island": random.choice(ISLANDS, rows),
            "sex": random.choice(["female", "male"], rows),
        }
    )
    if gaps:
        frame.loc[::9, "mass"] = np.nan
        frame.loc[::11, "sex"] = np.nan
    return frame


SCALED = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
FREQUENT = make_pipeline(SimpleImputer(strategy="most_frequent"), MinMaxScaler(clip=True))
IGNORING = OneHotEncoder(handle_unknown="ignore")
STRICT = OneHotEncoder(handle_unknown="error", sparse_output=False)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), clone(IGNORING))
FILLED_STRICT = make_pipeline(SimpleImputer(strategy="most_frequent"), clone(STRICT))
CONSTANT = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), clone(IGNORING))

ORDINAL = OrdinalEncoder(
    handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
)

COLUMNS = {
    "ignore": make_column_transformer((SCALED, NUMBER_NAMES), (IGNORING, WORD_NAMES)),
    "words first": make_column_transformer((IGNORING, WORD_NAMES), (SCALED, NUMBER_NAMES)),
    "filled": make_column_transformer((SCALED, NUMBER_NAMES), (FILLED, WORD_NAMES)),
    "strict": make_column_transformer((SCALED, NUMBER_NAMES), (FILLED_STRICT, WORD_NAMES)),
    "unfilled strict": make_column_transformer((SCALED, NUMBER_NAMES), (STRICT, ["island"])),
    "constant": make_column_transformer((SCALED, ["mass"]), (CONSTANT, WORD_NAMES)),
    "frequent": make_column_transformer((FREQUENT, NUMBER_NAMES), (IGNORING, ["island"])),
    "rest": make_column_transformer(
        (SimpleImputer(), ["mass"]), (IGNORING, WORD_NAMES), remainder="passthrough"
    ),
    "whole": make_column_transformer(("passthrough", ["year"]), (IGNORING, ["island"])),
    "numbers": make_column_transformer((SCALED, ["mass", "length"]), (MaxAbsScaler(), ["year"])),
    "sparse": make_column_transformer((IGNORING, WORD_NAMES), sparse_threshold=0.9),
    "ordinal": make_column_transformer(
        (SCALED, NUMBER_NAMES),
        (ORDINAL, WORD_NAMES),
    ),
    "function": make_column_transformer((FunctionTransformer(), ["year"]), (IGNORING, ["sex"])),
}
LASTS: dict[str, tuple[Any, str]] = {
    "logistic": (LogisticRegression(max_iter=20), "predict_proba"),
    "boosting": (HistGradientBoostingClassifier(max_iter=4), "predict_proba"),
    "ridge": (Ridge(), "predict"),
    "forest": (RandomForestRegressor(4), "predict"),
    "svr": (SVR(), "predict"),
}
NUMERIC = {
    "linear": (make_pipeline(StandardScaler(), LinearRegression()), "predict"),
    "robust": (make_pipeline(RobustScaler(), Ridge()), "predict"),
    "bare": (LinearRegression(), "predict"),
    "tree": (make_pipeline(MaxAbsScaler(), DecisionTreeRegressor(max_depth=4)), "predict"),
    "forest": (RandomForestRegressor(4), "predict"),
    "logistic": (make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=20)), "predict_proba"),
    "boosting": (HistGradientBoostingClassifier(max_iter=4), "predict_proba"),
}


def fitted(model: Any, method: str, names: list[str] | None = None) -> Any:
    frame = training_rows(gaps=names is None)
    target = frame["length"] + frame["year"] / 10
    wanted = np.digitize(target, target.quantile([0.3, 0.6])) if method != "predict" else target
    with warnings.catch_warnings():
        # How well it learns is of no interest.
        warnings.simplefilter("ignore")
        return clone(model).fit(frame if names is None else frame[names], wanted)


def model_pair(model: Any, method: str) -> tuple[Any, EstimatorModel]:
    """The judge, and what serves: loaded from a copy, and warmed up with ordinary rows."""
    target_type = TargetType.REGRESSION if method == "predict" else TargetType.MULTICLASS
    served = EstimatorModel(copy.deepcopy(model), target_type)
    for rows in (1, 3, 2, 1, 1, 4, 2):
        served.predict(training_rows(gaps=False).head(rows)[list(model.feature_names_in_)])
    return model, served


def outcome(predict: Any, frame: pd.DataFrame) -> tuple[Any, ...]:
    """Everything that a caller can tell of an answer: its dtype, shape and bits, or its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = predict(frame.copy())
        except Exception as error:
            return (type(error).__name__, str(error))
    return (str(result.dtype), result.shape, result.tobytes())


PIPELINES = {
    f"{front}-{last}": (make_pipeline(clone(COLUMNS[front]), clone(LASTS[last][0])), LASTS[last][1])
    for front in COLUMNS
    for last in LASTS
    if (front, last) != ("sparse", "boosting")  # takes no sparse matrix
}
_PAIRS: dict[str, Any] = {}


def pair(name: str) -> tuple[str, Any, EstimatorModel]:
    if name not in _PAIRS:
        if name in PIPELINES:
            model, method = PIPELINES[name]
            _PAIRS[name] = (method, *model_pair(fitted(model, method), method))
        else:
            model, method = NUMERIC[name]
            _PAIRS[name] = (method, *model_pair(fitted(model, method, NUMBER_NAMES), method))
    found: tuple[str, Any, EstimatorModel] = _PAIRS[name]
    return found


def check(name: str, frame: pd.DataFrame) -> None:
    method, judge, served = pair(name)
    rows = frame[list(judge.feature_names_in_)]
    assert outcome(served.predict, rows) == outcome(getattr(judge, method), rows), name


def read(reader: str, table: Table) -> pd.DataFrame:
    try:
        return READERS[reader](table)
    except DrumException:
        reject()  # no rows reach a model


@given(st.sampled_from(sorted(LASTS)), st.sampled_from(sorted(READERS)), columns_of(ORDINARY, ODD))
@settings(max_examples=50)
def test_pipelines_behind_columns(last: str, reader: str, table: Table) -> None:
    frame = read(reader, table)
    for front in COLUMNS:
        if f"{front}-{last}" in PIPELINES:
            check(f"{front}-{last}", frame)


@given(
    st.sampled_from(sorted(READERS)),
    columns_of({name: ORDINARY[name] for name in NUMBER_NAMES}, ODD),
)
@settings(max_examples=60)
def test_models_of_numbers(reader: str, table: Table) -> None:
    frame = read(reader, table)
    for name in NUMERIC:
        check(name, frame)
