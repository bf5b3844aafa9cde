"""A pipeline behind a ColumnTransformer is predicted the fast path only where that is the same."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.fast_paths.columns import FastColumns
from datarobot_drum.drum.model.artifacts.fast_paths.frames import FramePath
from datarobot_drum.drum.model.artifacts.sklearn import EstimatorModel

NUMBERS = ["mass", "length", "year"]
WORDS = ["island", "sex"]
ISLANDS = ["Biscoe", "Dream", "Torgersen"]
SEXES = ["female", "male"]
CELLS = {
    "mass": st.floats(1, 6000).map(lambda x: f"{x:.4f}") | st.just(""),
    "length": st.floats(-50, 50).map(repr) | st.just("NA"),
    "year": st.integers(2000, 2030).map(str),
    "island": st.sampled_from([*ISLANDS, "Atlantis", ""]),
    "sex": st.sampled_from([*SEXES, ""]),
    "note": st.just("x"),
}


def read(rows: list[list[str]], columns: list[str] | None = None) -> pd.DataFrame:
    lines = [",".join(columns or [*CELLS]), *map(",".join, rows)]
    return pd.read_csv(io.BytesIO("\n".join(lines).encode()))


def ordinary(count: int, seed: int) -> pd.DataFrame:
    """Rows with text in every column of text, and gaps."""
    random = np.random.default_rng(seed)
    rows = [
        [
            "" if random.random() < 0.2 else f"{random.normal(4000, 800):.3f}",
            repr(random.normal(40, 5)),
            str(random.integers(2000, 2030)),
            str(random.choice(ISLANDS)),
            str(random.choice(SEXES)) if row == 0 or random.random() < 0.8 else "",
            "x",
        ]
        for row in range(count)
    ]
    return read(rows)


SCALED = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
IGNORING = OneHotEncoder(handle_unknown="ignore")
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False))
COLUMNS = [
    make_column_transformer((SCALED, NUMBERS), (IGNORING, WORDS)),
    make_column_transformer((IGNORING, WORDS), (SCALED, NUMBERS)),
    make_column_transformer((SCALED, NUMBERS), (FILLED, WORDS)),
    make_column_transformer((SCALED, NUMBERS)),
    make_column_transformer(
        (SimpleImputer(), ["mass", "length"]), ("passthrough", ["year"]), ("drop", WORDS)
    ),
    make_column_transformer((SCALED, NUMBERS[:2]), (MinMaxScaler(), ["year"]), (IGNORING, WORDS)),
]
LASTS: list[tuple[Any, str]] = [
    (LogisticRegression(), "predict_proba"),
    (HistGradientBoostingClassifier(max_iter=5), "predict_proba"),
    (Ridge(), "predict"),
    (RandomForestRegressor(5), "predict"),
    (SVR(), "predict"),
]


def fitted(columns: Any, last: Any, method: str) -> Any:
    frame = ordinary(120, 1)
    target = frame["length"] + frame["year"] / 10
    wanted = np.digitize(target, target.quantile([0.3, 0.6])) if method != "predict" else target
    with warnings.catch_warnings():
        # How well it learns is of no interest.
        warnings.simplefilter("ignore")
        return make_pipeline(clone(columns), clone(last)).fit(frame, wanted)


@pytest.mark.parametrize("columns", COLUMNS, ids=range(len(COLUMNS)))
@pytest.mark.parametrize(("last", "method"), LASTS, ids=[type(x).__name__ for x, _ in LASTS])
def test_the_fast_path_predicts_the_same_bits(columns: Any, last: Any, method: str) -> None:
    model = fitted(columns, last, method)
    way = FramePath(model, method)
    assert way.pipeline is not None
    for rows in (1, 2, 7, 60):
        frame = ordinary(rows, 100 + rows)
        expected = getattr(model, method)(frame)
        np.testing.assert_array_equal(getattr(way.pipeline, method)(frame), expected)


MODELS = [fitted(columns, LogisticRegression(), "predict_proba") for columns in COLUMNS]


@given(
    st.integers(0, len(MODELS) - 1),
    st.lists(st.tuples(*CELLS.values()).map(list), min_size=1, max_size=6),
)
@settings(max_examples=300)
def test_whatever_the_rows_hold_the_answer_is_the_models(
    number: int, rows: list[list[str]]
) -> None:
    model = MODELS[number]
    way = _WAYS[number]
    frame = read(rows)
    assert way.pipeline is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            short = way.pipeline.predict_proba(frame)
        except Exception:
            return  # The long way is taken.
        np.testing.assert_array_equal(short, model.predict_proba(frame))


_WAYS = [FramePath(model, "predict_proba") for model in MODELS]


def test_unusual_rows_take_the_ordinary_path() -> None:
    model = EstimatorModel(MODELS[0], TargetType.MULTICLASS)
    assert model._frames.pipeline is not None
    unusual = [
        read([["1.5", "2.5", "2001", "", "male", "x"]]),  # a column of missing values alone
        read([["inf", "2.5", "2001", "Dream", "male", "x"]]),
        read([["1.5", "2.5", "2001", "7", "male", "x"]]),  # a category that is a number
        ordinary(3, 5).drop(columns="island"),
    ]
    for frame in unusual:
        answers = []
        for predict in (model.predict, MODELS[0].predict_proba):
            try:
                answers.append(repr(predict(frame)))
            except Exception as error:
                answers.append(f"{type(error).__name__}: {error}")
        assert answers[0] == answers[1]


def test_columns_may_come_in_any_order_and_with_others() -> None:
    way = _WAYS[0]
    assert way.pipeline is not None
    frame = ordinary(4, 3)
    turned = frame[frame.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(
        way.pipeline.predict_proba(turned), MODELS[0].predict_proba(frame)
    )


def test_requests_that_share_a_call_get_what_each_gets_alone() -> None:
    model = EstimatorModel(MODELS[0], TargetType.MULTICLASS)
    assert model._frames.pipeline is not None
    parts = [ordinary(rows, 50 + rows) for rows in (1, 3, 1, 2)]
    merged = model.predict_merged(pd.concat(parts, ignore_index=True), [len(p) for p in parts])
    alone = np.concatenate([MODELS[0].predict_proba(part) for part in parts])
    np.testing.assert_array_equal(merged, alone)


def test_a_result_that_scikit_learn_leaves_sparse_is_left_to_it() -> None:
    columns = make_column_transformer((IGNORING, WORDS), sparse_threshold=0.9)
    model = fitted(columns, LogisticRegression(), "predict_proba")
    assert FramePath(model, "predict_proba").pipeline is None


def test_large_frames_take_the_ordinary_path() -> None:
    way = _WAYS[0]
    assert way.takes(ordinary(1000, 1))
    assert not way.takes(ordinary(1001, 1))


def test_a_different_matrix_of_made_rows_keeps_the_way_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transform = FastColumns.transform
    monkeypatch.setattr(
        FastColumns, "transform", lambda self, frame: np.nextafter(transform(self, frame), 0)
    )
    assert FramePath(MODELS[0], "predict_proba").pipeline is None


class _Own(TransformerMixin, BaseEstimator):
    """A user's own transformer: it may look at anything."""

    def fit(self, X: Any, y: Any = None) -> _Own:  # noqa: N803
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return np.asarray(X, dtype=float)


@pytest.mark.parametrize(
    "columns",
    [
        make_column_transformer((_Own(), ["length"])),
        make_column_transformer((FunctionTransformer(np.abs), ["length"])),
        make_column_transformer((OrdinalEncoder(), ["island"])),
        make_column_transformer((SCALED, [0, 1])),
        make_column_transformer((SimpleImputer(add_indicator=True), NUMBERS)),
        make_column_transformer((OneHotEncoder(drop="first"), ["island"])),
        make_column_transformer((OneHotEncoder(min_frequency=0.5), ["island"])),
        make_column_transformer((clone(SCALED), NUMBERS)).set_output(transform="pandas"),
    ],
    ids=["own", "function", "ordinal", "positions", "indicator", "drop", "rare", "frames"],
)
def test_what_is_not_known_has_no_fast_path(columns: Any) -> None:
    frame = ordinary(60, 2).assign(mass=1.0).dropna()
    model = make_pipeline(columns, Ridge()).fit(frame, np.arange(float(len(frame))))
    assert FramePath(model, "predict").pipeline is None


@pytest.mark.parametrize("scaler", [MinMaxScaler(clip=True), StandardScaler(), RobustScaler()])
@pytest.mark.parametrize("imputed", [True, False])
def test_an_infinity_is_what_scikit_learn_makes_of_it(scaler: Any, imputed: bool) -> None:
    columns = make_column_transformer(
        (SCALED if imputed else StandardScaler(), ["mass"]), (scaler, ["length"]), (IGNORING, WORDS)
    )
    frame = ordinary(60, 2).assign(mass=1.0)
    model = make_pipeline(clone(columns), RandomForestRegressor(3)).fit(frame, frame["length"])
    assert FramePath(model, "predict").pipeline is not None
    served = EstimatorModel(model, TargetType.REGRESSION)
    for odd in (np.inf, -np.inf):
        rows = frame.head(2).assign(length=odd)
        with pytest.raises(ValueError, match="infinity"):
            served.predict(rows)


class _Counting(TransformerMixin, BaseEstimator):
    """A user's own step, whose answers depend on how often it was called."""

    calls = 0

    def fit(self, X: Any, y: Any = None) -> _Counting:  # noqa: N803
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        type(self).calls += 1
        return X + type(self).calls


def test_no_step_of_the_users_is_called_while_a_model_is_loaded() -> None:
    frame = ordinary(60, 2).dropna()
    model = make_pipeline(clone(COLUMNS[0]), _Counting(), Ridge()).fit(frame, frame["length"])
    before = _Counting.calls
    assert FramePath(model, "predict").pipeline is not None
    assert _Counting.calls == before


def test_a_wide_table_is_not_tried_out() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(0, 1, (20, 65)))
    frame.columns = pd.Index([f"c{place}" for place in range(65)])
    columns = make_column_transformer((StandardScaler(), list(frame.columns)))
    model = make_pipeline(columns, Ridge()).fit(frame, frame["c0"])
    assert FramePath(model, "predict").pipeline is None
