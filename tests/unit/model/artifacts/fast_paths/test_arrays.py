"""A model is given arrays only where frames give the same answer, to the last bit."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor, ExtraTreeClassifier
from sklearn.utils import all_estimators

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.fast_paths.arrays import ArrayPath
from datarobot_drum.drum.model.artifacts.fast_paths.steps import fast_pipeline
from datarobot_drum.drum.model.artifacts.sklearn import EstimatorModel

COLUMNS = ["width", "height", "depth", "weight"]
# Models that want another target or input, another model inside, or have no probabilities.
SPECIAL = {
    "CCA",
    "NuSVC",
    "PLSCanonical",
    "RadiusNeighborsClassifier",
    "SGDClassifier",
    "SVC",
    "SelfTrainingClassifier",
    "IsotonicRegression",
    "MultiOutputClassifier",
    "MultiOutputRegressor",
    "ClassifierChain",
    "RegressorChain",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "CategoricalNB",
}
# Inner models that miss the names, and a function of the user.
GIVEN_FRAMES = {"CalibratedClassifierCV", "TransformedTargetRegressor"}
NEEDS_ESTIMATOR = ("estimator", "estimators", "base_estimator")


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """A frame as ``read_csv`` lays it out in memory: column by column."""
    block = np.random.default_rng(seed).uniform(0.1, 3.0, (len(COLUMNS), rows))
    return pd.DataFrame(block.T, columns=COLUMNS)


def fitted(estimator: Any, kind: str) -> Any:
    frame = table(60)
    target = frame.sum(axis=1).to_numpy() + np.random.default_rng(1).normal(0, 0.1, 60)
    wanted = np.digitize(target, np.quantile(target, [0.33, 0.66])) if kind != "number" else target
    return estimator.fit(frame, wanted)


def supported() -> list[Any]:
    cases = []
    for kind, method in (("classifier", "predict_proba"), ("regressor", "predict")):
        for name, cls in all_estimators(type_filter=kind):
            needs = [p for p in inspect.signature(cls).parameters if p in NEEDS_ESTIMATOR]
            if name not in SPECIAL and hasattr(cls, method) and not _required(cls, needs):
                cases.append(pytest.param(cls, kind, method, id=name))
    return cases


def _required(cls: Any, names: list[str]) -> bool:
    parameters = inspect.signature(cls).parameters
    return any(parameters[name].default is inspect.Parameter.empty for name in names)


@pytest.mark.parametrize(("cls", "kind", "method"), supported())
@pytest.mark.filterwarnings("ignore")
def test_an_array_is_predicted_as_its_frame_is_by_every_estimator(
    cls: Any, kind: str, method: str
) -> None:
    kind = "class" if kind == "classifier" else "number"
    model = fitted(cls(), kind)
    served = EstimatorModel(
        model, TargetType.REGRESSION if method == "predict" else TargetType.MULTICLASS
    )
    # Dummies of older versions do not remember their columns.
    forgets = not hasattr(model, "feature_names_in_")
    assert (served.array_columns is None) == (cls.__name__ in GIVEN_FRAMES or forgets)
    if served.array_columns is None:
        return
    for rows in (1, 2, 7, 40):
        frame = table(rows, 100 + rows)
        expected = getattr(model, method)(frame)
        np.testing.assert_array_equal(served.predict(frame.to_numpy()), expected)


@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler, RobustScaler, MaxAbsScaler])
@pytest.mark.parametrize("last", [Ridge, LinearRegression])
def test_a_fast_pipeline_predicts_the_same_bits(scaler: Any, last: Any) -> None:
    model = fitted(make_pipeline(scaler(), last()), "number")
    shortcut = fast_pipeline(model)
    assert shortcut is not None
    for rows in (1, 3, 50):
        frame = table(rows, rows)
        np.testing.assert_array_equal(shortcut.predict(frame.to_numpy()), model.predict(frame))


TREES = [
    (DecisionTreeRegressor(), "number", "predict"),
    (ExtraTreeClassifier(), "class", "predict_proba"),
    (RandomForestRegressor(20), "number", "predict"),
    (RandomForestClassifier(20), "class", "predict_proba"),
    (ExtraTreesClassifier(20), "class", "predict_proba"),
    (GradientBoostingRegressor(n_estimators=20), "number", "predict"),
    (GradientBoostingRegressor(n_estimators=20, init="zero", loss="huber"), "number", "predict"),
    (GradientBoostingClassifier(n_estimators=20), "class", "predict_proba"),
]


@pytest.mark.parametrize(("last", "kind", "method"), TREES)
@pytest.mark.parametrize("scaled", [False, True])
def test_fast_trees_predict_the_same_bits(last: Any, kind: str, method: str, scaled: bool) -> None:
    last = clone(last)
    model = fitted(make_pipeline(StandardScaler(), last) if scaled else last, kind)
    shortcut = fast_pipeline(model)
    assert shortcut is not None
    for rows in (1, 3, 50):
        frame = table(rows, rows)
        given_array = getattr(shortcut, method)(frame.to_numpy())
        np.testing.assert_array_equal(given_array, getattr(model, method)(frame))


def test_fast_boosting_of_two_classes() -> None:
    frame = table(60)
    model = GradientBoostingClassifier(n_estimators=20).fit(frame, frame["width"] > 1.5)
    shortcut = fast_pipeline(model)
    assert shortcut is not None
    np.testing.assert_array_equal(
        shortcut.predict_proba(frame.to_numpy()), model.predict_proba(frame)
    )


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(5, n_jobs=2),
        GradientBoostingRegressor(n_estimators=5, init=LinearRegression()),
    ],
    ids=["sums in the order of jobs", "starts from another model"],
)
def test_trees_that_are_no_plain_sum_stay_as_they_are(model: Any) -> None:
    assert fast_pipeline(fitted(clone(model), "number")) is None


def test_a_missing_value_goes_the_ordinary_path_through_trees_that_take_it() -> None:
    frame = table(60)
    frame.iloc[::7, 1] = np.nan
    model = RandomForestRegressor(5).fit(frame, np.arange(60.0))
    served = EstimatorModel(model, TargetType.REGRESSION)
    assert served.array_columns == tuple(COLUMNS)
    np.testing.assert_array_equal(served.predict(frame.to_numpy()), model.predict(frame))


@given(
    data=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), min_size=1, max_size=6)
)
@settings(max_examples=60)
def test_a_fast_classifier_gives_the_same_probabilities(data: list[list[float]]) -> None:
    model = fitted(make_pipeline(StandardScaler(), LogisticRegression()), "class")
    shortcut = fast_pipeline(model)
    assert shortcut is not None
    array = np.array(np.array(data).T).T
    frame = pd.DataFrame(array, columns=COLUMNS)
    np.testing.assert_array_equal(shortcut.predict_proba(array), model.predict_proba(frame))


def test_a_missing_value_is_refused_in_the_models_own_words() -> None:
    model = fitted(make_pipeline(StandardScaler(), LinearRegression()), "number")
    served = EstimatorModel(model, TargetType.REGRESSION)
    assert served.array_columns == tuple(COLUMNS)
    array = table(2).to_numpy().copy()
    array[1, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        served.predict(array)


def test_it_is_decided_when_the_model_is_loaded() -> None:
    model = fitted(LinearRegression(), "number")
    assert ArrayPath(model, "predict").columns == tuple(COLUMNS)


class _NearlyEqual(LinearRegression):
    """Another last digit for arrays, in a class that calls itself scikit-learn's."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        result = super().predict(X)
        return np.nextafter(result, 0) if isinstance(X, np.ndarray) else result


class TooFar(Exception):
    """Of no kind that scikit-learn raises itself."""


def near(one: Any, other: Any) -> float:
    distance = float(np.abs(one - other).sum())
    if distance > 100:
        raise TooFar
    return distance


def test_a_users_function_may_raise_what_it_likes_for_made_rows() -> None:
    model = fitted(KNeighborsRegressor(n_neighbors=1, metric=near, algorithm="brute"), "number")
    loaded = EstimatorModel(model, TargetType.REGRESSION)
    rows = table(5)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    with pytest.raises(TooFar):
        loaded.predict(rows * 1000)


def test_a_different_answer_to_made_rows_keeps_the_way_closed() -> None:
    _NearlyEqual.__module__ = "sklearn.made_up"
    assert ArrayPath(fitted(_NearlyEqual(), "number"), "predict").columns is None


class _ReadsNames(RegressorMixin, BaseEstimator):
    """A user's own estimator: it may look at anything."""

    def fit(self, X: Any, y: Any) -> _ReadsNames:  # noqa: N803
        self.feature_names_in_ = np.array(list(X.columns), dtype=object)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return np.full(len(X), 1.0 if isinstance(X, np.ndarray) else 2.0)


@pytest.mark.parametrize(
    "model",
    [
        _ReadsNames(),
        make_pipeline(FunctionTransformer(lambda frame: frame), LinearRegression()),
        make_pipeline(make_column_transformer((StandardScaler(), COLUMNS[:2])), Ridge()),
        make_pipeline(StandardScaler().set_output(transform="pandas"), Ridge()),
    ],
    ids=["own estimator", "function", "columns by name", "frames between steps"],
)
def test_a_model_that_may_look_at_the_frame_gets_the_frame(model: Any) -> None:
    assert ArrayPath(fitted(model, "number"), "predict").columns is None
