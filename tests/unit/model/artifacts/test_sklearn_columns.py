"""scikit-learn models, and what wraps them, get their columns by name from every request."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    BaggingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, PayloadError
from datarobot_drum.drum.model.artifacts.sklearn_columns import sklearn_columns
from datarobot_drum.drum.model.columns import Extras
from datarobot_drum.drum.model.predictor import RowSource
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder

RANDOM = np.random.default_rng(7)
NUMBERS = pd.DataFrame(RANDOM.normal(0, 1, (60, 3)), columns=["width", "height", "depth"])
TARGET = 3 * NUMBERS["width"] + NUMBERS["height"] - 2 * NUMBERS["depth"]
CODES = NUMBERS.assign(code=RANDOM.choice(["07", "12", "A1"], 60), note="x")
TURNED = ["depth", "width", "height"]


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


# -- text


def encoders() -> dict[str, Any]:
    number = ("scale", StandardScaler(), ["width", "height", "depth"])
    imputed = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    boosting = HistGradientBoostingRegressor(max_iter=5, categorical_features=["code"])
    return {
        "one hot": ColumnTransformer([number, ("code", OneHotEncoder(), ["code"])]),
        "ordinal": ColumnTransformer([number, ("code", OrdinalEncoder(), ["code"])]),
        "by position": ColumnTransformer([number, ("code", OneHotEncoder(), [3])]),
        "target": ColumnTransformer([number, ("code", TargetEncoder(), ["code"])]),
        "filled": ColumnTransformer([number, ("code", imputed, ["code"])]),
        "words": ColumnTransformer([number, ("code", TfidfVectorizer(), "code")]),
        "union": FeatureUnion(
            [("all", ColumnTransformer([number, ("code", OneHotEncoder(), ["code"])]))]
        ),
        "boosting": boosting,
    }


@pytest.mark.parametrize("name", list(encoders()))
def test_codes_are_text_whoever_stands_beside_them(tmp_path: Path, name: str) -> None:
    step = encoders()[name]
    rows = CODES.drop(columns="note")
    is_model = name == "boosting"
    model = (step if is_model else make_pipeline(step, DecisionTreeRegressor())).fit(rows, TARGET)
    assert sklearn_columns(model).text == {"code"}
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    assert predictor.info.text_columns == {"code"}
    alone = rows[rows["code"] == "07"].head(2)
    frame, source = read_data(alone.to_csv(index=False).encode(), None, None, predictor)
    result = predictor.predict(frame, source)
    np.testing.assert_array_equal(result.values[:, 0], model.predict(alone))


def test_categories_that_are_numbers_are_no_text() -> None:
    rows = CODES.assign(code=RANDOM.choice([7, 12], 60))
    encoder = ColumnTransformer([("code", OneHotEncoder(), ["code"])])
    assert sklearn_columns(make_pipeline(encoder, Ridge()).fit(rows, TARGET)).text == frozenset()


@pytest.mark.parametrize("gap", [None, float("nan")], ids=["None", "NaN"])
def test_a_gap_alone_means_what_it_meant_in_training(tmp_path: Path, gap: Any) -> None:
    codes = CODES["code"].astype(object)
    codes.iloc[::5] = gap
    rows = NUMBERS.assign(code=codes.astype(object))
    encoder = OneHotEncoder(handle_unknown="error")
    columns = make_column_transformer((encoder, ["code"]), remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeRegressor()).fit(rows, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    expected = model.predict(rows)
    for chosen in (rows, rows.iloc[[0]], rows.iloc[[0, 1]]):
        frame, source = read_data(chosen.to_csv(index=False).encode(), None, None, predictor)
        result = predictor.predict(frame, source)
        np.testing.assert_array_equal(result.values[:, 0], expected[chosen.index])


@pytest.mark.parametrize("step", [CountVectorizer(), TfidfVectorizer(analyzer="char")])
def test_a_model_of_texts_gets_the_column_not_its_name(tmp_path: Path, step: Any) -> None:
    texts = ["good day", "bad day", "07 good", "bad bad"]
    model = make_pipeline(step, LogisticRegression()).fit(texts, [1, 0, 1, 0])
    predictor = load(
        write_folder(tmp_path, model_pkl=model),
        "binary",
        positive_class_label="1",
        negative_class_label="0",
    )
    for rows in (["good"], ["good", "bad", "day"], ["07"]):
        body = "\n".join(["remark", *rows, ""]).encode()
        frame, source = read_data(body, None, None, predictor)
        result = predictor.predict(frame, source)
        np.testing.assert_array_equal(result.values, model.predict_proba(rows))
    frame, source = read_data(b"a,b\nx,y\n", None, None, predictor)
    with pytest.raises(ColumnsError, match="takes 1 column, but the rows have 2"):
        predictor.predict(frame, source)


def test_calibrated_classifiers_ask_their_own(tmp_path: Path) -> None:
    kinds = (TARGET > 0).astype(int)
    inner = make_pipeline(
        make_column_transformer((StandardScaler(), ["width"])), LogisticRegression()
    )
    model = CalibratedClassifierCV(inner, cv=2).fit(NUMBERS, kinds)
    columns = sklearn_columns(model)
    assert columns.required == {"width"}
    assert columns.extras is Extras.DROPPED


# -- steps that hide what later ones know


def _as_it_is(frame: Any) -> Any:
    return frame


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


def _frozen(model: Any) -> Any:
    # Older versions of scikit-learn have none: there the model stands for itself.
    frozen = importlib.util.find_spec("sklearn.frozen")
    return (
        model
        if frozen is None
        else importlib.import_module("sklearn.frozen").FrozenEstimator(model)
    )


def hidden() -> dict[str, Any]:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    inner = make_column_transformer((ordinal, ["code"]))
    frames = make_column_transformer(
        ("passthrough", ["width", "code"]), verbose_feature_names_out=False
    ).set_output(transform="pandas")
    return {
        "behind a function": make_pipeline(FunctionTransformer(_as_it_is), inner, Ridge()),
        "behind frames": make_pipeline(frames, inner, Ridge()),
        "a slice by names": make_pipeline(
            ColumnTransformer([("code", ordinal, slice("code", "code"))]), Ridge()
        ),
        "frozen": _frozen(make_pipeline(inner, Ridge()).fit(CODES, TARGET)),
        "bagging": BaggingRegressor(make_pipeline(ordinal, Ridge()), 2, random_state=0),
    }


@pytest.mark.parametrize("name", list(hidden()))
def test_codes_are_text_behind_other_steps(tmp_path: Path, name: str) -> None:
    rows = CODES[["width", "code"]] if name != "frozen" else CODES
    if name == "bagging":
        rows = CODES[["code"]]
    model = hidden()[name].fit(rows, TARGET)
    assert sklearn_columns(model).text == {"code"}
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    alone = rows[rows["code"] == "07"].head(2)
    frame, source = read_data(alone.to_csv(index=False).encode(), None, None, predictor)
    np.testing.assert_array_equal(
        predictor.predict(frame, source).values[:, 0], model.predict(alone)
    )


@pytest.mark.parametrize("wrapper", ["voting", "calibrated", "cleaned", "passthrough"])
def test_models_of_texts_inside_of_others(tmp_path: Path, wrapper: str) -> None:
    texts = ["good day", "bad day", "so good", "bad bad"] * 6
    inner = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model = {
        "voting": VotingClassifier([("a", inner), ("b", inner)], voting="soft"),
        "calibrated": CalibratedClassifierCV(inner, cv=2),
        "cleaned": make_pipeline(FunctionTransformer(_lower), *inner.named_steps.values()),
        "passthrough": make_pipeline("passthrough", *inner.named_steps.values()),
    }[wrapper].fit(texts, [1, 0, 1, 0] * 6)
    predictor = load(
        write_folder(tmp_path, model_pkl=model),
        "binary",
        positive_class_label="1",
        negative_class_label="0",
    )
    frame, source = read_data(b"remark\ngood\nbad\n", None, None, predictor)
    np.testing.assert_array_equal(
        predictor.predict(frame, source).values, model.predict_proba(["good", "bad"])
    )


def _lower(texts: Any) -> Any:
    return [text.lower() for text in texts]


def test_a_vectorizer_that_transforms_gets_the_texts(tmp_path: Path) -> None:
    model = TfidfVectorizer().fit(["good day", "bad day"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "transform")
    result = predictor.transform(pd.DataFrame({"t": ["good", "bad", "day"]}), None, RowSource())
    np.testing.assert_array_equal(
        result.to_numpy(), model.transform(["good", "bad", "day"]).toarray()
    )


@pytest.mark.parametrize("gap", [None, float("nan")], ids=["None", "NaN"])
def test_truth_values_with_gaps_keep_the_gap_of_training(tmp_path: Path, gap: Any) -> None:
    flags = pd.Series([True, False, gap] * 20, dtype=object)
    rows = NUMBERS.assign(flag=flags)
    encoder = OneHotEncoder(handle_unknown="error")
    columns = make_column_transformer((encoder, ["flag"]), remainder="passthrough")
    model = make_pipeline(columns, Ridge()).fit(rows, TARGET + flags.isna() * 50)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    for chosen in (rows.head(6), rows.iloc[[2]], rows.iloc[[0, 3]]):
        frame, source = read_data(chosen.to_csv(index=False).encode(), None, None, predictor)
        result = predictor.predict(frame, source)
        np.testing.assert_allclose(result.values[:, 0], model.predict(chosen), rtol=1e-12)


# -- what stands beside a cell does not make another thing of it

MIXED = pd.DataFrame(
    {
        "k": RANDOM.integers(1, 5, 60),
        "f": RANDOM.choice([True, False], 60),
        "v": RANDOM.normal(0, 1, 60).round(3),
    }
)
GAIN = MIXED["k"].map({1: 5, 2: -3, 3: 20, 4: 0}) + MIXED["v"] + MIXED["f"] * 7


def of_numbers() -> dict[str, Any]:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    lightgbm = pytest.importorskip("lightgbm")
    return {
        "one hot": ColumnTransformer(
            [("c", OneHotEncoder(handle_unknown="ignore"), ["k", "f"])], remainder="passthrough"
        ),
        "ordinal": ColumnTransformer([("c", ordinal, ["k", "f"])], remainder="passthrough"),
        "target": ColumnTransformer([("c", TargetEncoder(), ["k", "f"])], remainder="passthrough"),
        "histograms": HistGradientBoostingRegressor(max_iter=9, categorical_features=["k", "f"]),
        "lightgbm": lightgbm.LGBMRegressor(n_estimators=9, verbose=-1, min_child_samples=3),
    }


@pytest.mark.parametrize("name", list(of_numbers()))
@pytest.mark.parametrize("odd", [{"k": "x"}, {"f": "x"}, {"f": "1"}])
def test_a_text_beside_numbers_makes_no_text_of_them(
    tmp_path: Path, name: str, odd: dict[str, str]
) -> None:
    step, rows = of_numbers()[name], MIXED
    if name == "lightgbm":
        rows = MIXED.astype({"k": "category"})
        if "f" in odd:
            return  # a column of numbers like any other: text is refused there
    model = step if hasattr(step, "predict") else make_pipeline(step, DecisionTreeRegressor())
    model.fit(rows, GAIN)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    sent = pd.concat([MIXED.head(3), MIXED.head(1).assign(**odd)]).astype({next(iter(odd)): object})
    frame, source = read_data(sent.to_csv(index=False).encode(), None, None, predictor)
    result = predictor.predict(frame, source)
    np.testing.assert_allclose(result.values[:3, 0], model.predict(rows.head(3)), rtol=1e-12)


def test_numbers_in_a_column_of_text_are_its_texts(tmp_path: Path) -> None:
    rows = NUMBERS.assign(code=RANDOM.choice(["1", "2", "10"], 60))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["code"]), remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeRegressor()).fit(rows, TARGET)
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    numbers = rows.astype({"code": int})
    for sent in (numbers.head(4), numbers.head(1), numbers.head(4).astype({"code": object})):
        result = predict(predictor, sent)
        np.testing.assert_array_equal(result.values[:, 0], model.predict(rows.loc[sent.index]))
