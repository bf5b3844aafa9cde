"""Columns that are text to a scikit-learn model, and to what hides it, are read as text."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import (
    BaggingRegressor,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.artifacts.sklearn_columns import sklearn_columns
from datarobot_drum.drum.model.predictor import RowSource
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.columns_data import CODES, NUMBERS, TARGET

RANDOM = np.random.default_rng(8)


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


# -- steps that hide what later ones know


def _as_it_is(frame: Any) -> Any:
    return frame


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


WORDS = pd.DataFrame({"code": ["NA", "nan", "x", "None", "x", "NA"], "n": [1.0, 2, 3, 4, 5, 6]})


@pytest.mark.parametrize("encoder", [OneHotEncoder, OrdinalEncoder])
def test_a_word_that_an_encoder_has_seen_is_no_gap_in_a_csv(tmp_path: Path, encoder: Any) -> None:
    step = make_column_transformer((encoder(), ["code"]), remainder="passthrough")
    model = make_pipeline(step, DecisionTreeRegressor()).fit(WORDS, WORDS["n"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    assert predictor.info.gap_words == {("code", "NA"), ("code", "nan"), ("code", "None")}
    for rows in (WORDS, WORDS.head(1), pd.concat([WORDS] * 200)):
        frame, source = read_data(rows.to_csv(index=False).encode(), None, None, predictor)
        result = predictor.predict(frame, source)
        np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))
