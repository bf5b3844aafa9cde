"""scikit-learn models, and what wraps them, get their columns by name from every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectKBest, f_regression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    StandardScaler,
)

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, PayloadError
from datarobot_drum.drum.model.artifacts.sklearn_columns import sklearn_columns
from datarobot_drum.drum.model.columns import Extras
from datarobot_drum.drum.model.predictor import RowSource
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.columns_data import CODES, NUMBERS, TARGET, TURNED


def wrapped() -> dict[str, Any]:
    lgbm = pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=5, verbose=-1)
    grid = GridSearchCV(lgbm, {"num_leaves": [4, 8]}, cv=2)
    return {
        "linear": LinearRegression(),
        "pipeline": make_pipeline(StandardScaler(), Ridge()),
        "passthrough first": make_pipeline("passthrough", StandardScaler(), Ridge()),
        "search": GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1]}),
        "lightgbm": lgbm,
        "lightgbm in a pipeline": make_pipeline(lgbm),
        "lightgbm in a search": grid,
        "voting": VotingRegressor([("a", lgbm), ("b", LinearRegression())]),
        "stacking": StackingRegressor([("a", lgbm), ("b", Ridge())]),
        "target": TransformedTargetRegressor(lgbm, func=np.sinh, inverse_func=np.arcsinh),
        "selection": make_pipeline(RFE(LinearRegression(), n_features_to_select=2), Ridge()),
        "union": make_pipeline(
            make_union(StandardScaler(), SelectKBest(f_regression, k=1)), Ridge()
        ),
        "histograms": HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3),
    }


@pytest.mark.parametrize("name", list(wrapped()))
def test_columns_in_another_order(tmp_path: Path, name: str) -> None:
    model = wrapped()[name].fit(NUMBERS, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    expected = model.predict(NUMBERS)
    result = predict(predictor, NUMBERS[TURNED])
    np.testing.assert_array_equal(result.values[:, 0], expected)
    for rows, text in (
        (NUMBERS.rename(columns={"width": "widht"}), "Did you mean 'width' by 'widht'?"),
        (NUMBERS.rename(columns={"depth": "DEPTH"}), "Did you mean 'depth' by 'DEPTH'?"),
        (NUMBERS.drop(columns="height"), "column 'height' of the model is missing"),
        (NUMBERS.assign(more=1.0), "column 'more' not known to the model"),
    ):
        with pytest.raises(ColumnsError, match=text):
            predict(predictor, rows)


def test_members_that_spell_the_names_in_different_ways(tmp_path: Path) -> None:
    lgbm = pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=5, verbose=-1)
    rows = NUMBERS.set_axis(["the width", "the height", "the depth"], axis=1)
    rows = rows.assign(kind=pd.Categorical(CODES["code"]))
    columns = make_column_transformer((StandardScaler(), list(rows.columns[:3])))
    members = [("a", lgbm), ("b", make_pipeline(columns, Ridge()))]
    model = VotingRegressor(members).fit(rows, TARGET)
    assert sklearn_columns(model).names == tuple(rows.columns)
    assert sklearn_columns(model).text == {"kind"}
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    turned = rows[list(rows.columns[::-1])].astype({"kind": str})
    np.testing.assert_array_equal(predict(predictor, turned).values[:, 0], model.predict(rows))


def test_columns_that_a_column_transformer_ignores(tmp_path: Path) -> None:
    columns = make_column_transformer((StandardScaler(), ["width", "depth"]))
    model = make_pipeline(columns, Ridge()).fit(CODES, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    expected = model.predict(CODES)
    few = CODES[["depth", "width"]].assign(more="text")
    np.testing.assert_array_equal(predict(predictor, few).values[:, 0], expected)
    with pytest.raises(ColumnsError, match="column 'depth' of the model is missing"):
        predict(predictor, CODES[["width"]])


def test_a_model_without_names_goes_by_position_and_counts(tmp_path: Path) -> None:
    model = RandomForestRegressor(3).fit(NUMBERS.to_numpy(), TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    with pytest.warns(UserWarning, match="X has feature names"):
        result = predict(predictor, NUMBERS.set_axis(list("xyz"), axis=1))
    np.testing.assert_array_equal(result.values[:, 0], model.predict(NUMBERS.to_numpy()))
    with pytest.raises(ColumnsError, match="The model takes 3 columns, but the rows have 2"):
        predict(predictor, NUMBERS[["width", "depth"]])


def test_rows_without_names_go_by_position_and_are_counted(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    unnamed = pd.DataFrame(NUMBERS.to_numpy())
    np.testing.assert_array_equal(predict(predictor, unnamed).values[:, 0], model.predict(NUMBERS))
    with pytest.raises(ColumnsError, match="takes 3 columns, but the rows have 2"):
        predict(predictor, unnamed[[0, 1]])


def test_a_column_that_comes_twice(tmp_path: Path) -> None:
    model = Ridge().fit(NUMBERS, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    twice = pd.concat([NUMBERS, NUMBERS[["depth"]]], axis=1)
    with pytest.raises(ColumnsError, match="column 'depth' more than once"):
        predict(predictor, twice)


def test_no_rows(tmp_path: Path) -> None:
    predictor = load(write_folder(tmp_path, model_pkl=Ridge().fit(NUMBERS, TARGET)), "regression")
    assert predictor.array_columns is not None
    for rows in (NUMBERS.head(0), NUMBERS.head(0).to_numpy()):
        with pytest.raises(PayloadError, match="There are no rows to predict"):
            predict(predictor, rows)


def test_a_function_that_looks_at_the_frame_gets_it_as_it_is(tmp_path: Path) -> None:
    step = FunctionTransformer(_two_columns)
    model = make_pipeline(step, Ridge()).fit(CODES, TARGET)
    columns = sklearn_columns(model)
    assert columns.extras is Extras.KEPT
    assert columns.required == frozenset()
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    rows = CODES[["depth", "width"]].assign(more=1)
    np.testing.assert_array_equal(predict(predictor, rows).values[:, 0], model.predict(CODES))


def _two_columns(frame: Any) -> Any:
    return frame[["width", "depth"]]


def test_a_hook_that_makes_other_columns_is_what_failed(tmp_path: Path) -> None:
    custom = """
    def transform(data, model):
        return data.rename(columns={"width": "broad"})
    """
    model = Ridge().fit(NUMBERS, TARGET)
    write_folder(tmp_path, model_pkl=model)
    (tmp_path / "custom.py").write_text(custom.replace("\n    ", "\n"))
    with pytest.raises(ModelError, match="column 'width' of the model is missing"):
        predict(load(tmp_path, "regression"), NUMBERS)


def test_a_transformer_gets_its_columns_by_name(tmp_path: Path) -> None:
    model = StandardScaler().fit(NUMBERS)
    predictor = load(write_folder(tmp_path, model_pkl=model), "transform")
    result = predictor.transform(NUMBERS[TURNED], None, RowSource())
    np.testing.assert_array_equal(result.to_numpy(), model.transform(NUMBERS))
    with pytest.raises(ColumnsError, match="column 'width' of the model is missing"):
        predictor.transform(NUMBERS[["depth", "height"]], None, RowSource())


def test_calibrated_classifiers_ask_their_own(tmp_path: Path) -> None:
    kinds = (TARGET > 0).astype(int)
    inner = make_pipeline(
        make_column_transformer((StandardScaler(), ["width"])), LogisticRegression()
    )
    model = CalibratedClassifierCV(inner, cv=2).fit(NUMBERS, kinds)
    columns = sklearn_columns(model)
    assert columns.required == {"width"}
    assert columns.extras is Extras.DROPPED


class Frequencies(TransformerMixin, BaseEstimator):
    """A class of the user's that remembers names and takes what it needs by name."""

    def fit(self, X: Any, y: Any = None) -> Frequencies:  # noqa: N803
        self.feature_names_in_ = np.array(list(X.columns), dtype=object)
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return X[["width", "depth"]].to_numpy()


def test_a_class_of_the_users_takes_what_it_needs(tmp_path: Path) -> None:
    model = make_pipeline(Frequencies(), Ridge()).fit(CODES, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    expected = model.predict(CODES)
    for rows in (CODES[["depth", "width"]], CODES.assign(more=1), CODES[CODES.columns[::-1]]):
        np.testing.assert_array_equal(predict(predictor, rows).values[:, 0], expected)


def test_a_misspelt_name_is_not_taken_by_position(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(np.asarray), Ridge()).fit(NUMBERS, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    np.testing.assert_array_equal(
        predict(predictor, NUMBERS[TURNED]).values[:, 0], model.predict(NUMBERS)
    )
    with pytest.raises(ColumnsError, match="Did you mean 'width' by 'widht'"):
        predict(predictor, NUMBERS[TURNED].rename(columns={"width": "widht"}))
