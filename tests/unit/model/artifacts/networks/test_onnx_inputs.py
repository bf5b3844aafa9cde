"""Inputs of ONNX models, by name and type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, ModelLoadError
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.networks.onnx_models import (
    ROWS,
    X,
    data_types,
    graph,
    onnx,
    save,
)

RNG = np.random.default_rng(8)
TABLE = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 120),
        "code": RNG.choice(["07", "12", "A1"], 120),
        "income per head": RNG.normal(size=120),
        "member": RNG.integers(0, 2, 120).astype(bool),
    }
)
TARGET = TABLE["age"] + TABLE["code"].map({"07": 5.0, "12": 90.0, "A1": 30.0}) * TABLE["member"]


def one_input_each(folder: Path, rank: int = 2, income: str = "Float") -> Any:
    """A pipeline over a table of mixed types, one ONNX input for each column."""
    encoder = OneHotEncoder(handle_unknown="ignore")
    pipeline = make_pipeline(
        ColumnTransformer(
            [("text", encoder, ["code"]), ("rest", "passthrough", [0, 2])],
        ),
        LinearRegression(),
    ).fit(TABLE[["age", "code", "income per head"]], TARGET)
    shape = [None, 1][:rank]
    inputs = [
        ("age", data_types.Int64TensorType(shape)),
        ("code", data_types.StringTensorType(shape)),
        ("income_per_head", getattr(data_types, f"{income}TensorType")(shape)),
    ]
    save(folder, pipeline, inputs)
    return pipeline.predict(TABLE[["age", "code", "income per head"]])


def ask(predictor: Any, frame: pd.DataFrame, kind: str) -> Any:
    if kind == "csv":
        body, content = frame.to_csv(index=False).encode(), "text/csv"
    else:
        body, content = frame.to_json(orient="records").encode(), "application/json"
    rows, source = read_data(body, content, None, predictor)
    return predictor.predict(rows, source).values[:, 0]


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [3, 2, 1, 0]])
def test_one_input_for_each_column(tmp_path: Path, kind: str, order: list[int]) -> None:
    """By name: in any order, with blanks or underscores, beside columns that it does not know."""
    expected = one_input_each(tmp_path)
    got = ask(load(tmp_path, "regression"), TABLE.iloc[:, order], kind)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_text_columns_are_told_to_the_readers(tmp_path: Path) -> None:
    one_input_each(tmp_path)
    info = load(tmp_path, "regression").info
    assert info.text_columns == {"code"}
    assert info.feature_names == ("age", "code", "income_per_head")


def test_double_inputs_keep_their_digits(tmp_path: Path) -> None:
    rows = TABLE[["age", "income per head"]].astype(float).set_axis(["a", "b"], axis=1) + 1e9
    same = ColumnTransformer([("same", "passthrough", [0, 1])])
    model = make_pipeline(same, LinearRegression()).fit(rows, rows["a"] - rows["b"])
    each = [(name, data_types.DoubleTensorType([None, 1])) for name in "ab"]
    save(tmp_path / "each", model, each)
    save(tmp_path / "whole", model, [("X", data_types.DoubleTensorType([None, 2]))])
    for form in ("each", "whole"):
        got = predict(load(tmp_path / form, "regression"), rows).values[:, 0]
        np.testing.assert_allclose(got, model.predict(rows), atol=1e-4)


def test_an_integer_matrix(tmp_path: Path) -> None:
    rows = pd.DataFrame(RNG.integers(-5, 2**40, (20, 2)), columns=["a", "b"])
    nodes = [onnx.helper.make_node("ReduceSum", ["X", "axes"], ["y"])]
    inputs, outputs = [("X", "INT64", [None, 2])], [("y", "INT64", [None, 1])]
    graph(tmp_path, nodes, inputs, outputs, {"axes": np.array([1])})
    predictor = load(tmp_path, "regression")
    assert predict(predictor, rows).values[:, 0].tolist() == rows.sum(axis=1).tolist()
    with pytest.raises(ColumnsError, match="column 'b' has missing values"):
        predict(predictor, rows.astype(float).assign(b=np.nan))


@pytest.mark.parametrize("form", ["one dimension", "two dimensions"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_column_of_text(tmp_path: Path, form: str, kind: str) -> None:
    words = pd.DataFrame({"text": ["good film", "bad film", "not bad", "so good"] * 5})
    model = make_pipeline(CountVectorizer(lowercase=False), LinearRegression())
    model.fit(words["text"], [4.0, 1.0, 3.0, 5.0] * 5)
    shape = [None] if form == "one dimension" else [None, 1]
    save(tmp_path, model, [("review", data_types.StringTensorType(shape))])
    got = ask(load(tmp_path, "regression"), words, kind)
    np.testing.assert_allclose(got, model.predict(words["text"]), rtol=1e-4)


BOOLEAN = ([("flag", "BOOL", [None, 1]), ("n", "FLOAT", [None, 1])], [("y", "FLOAT", [None, 1])])


@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0]])
def test_a_boolean_input(tmp_path: Path, values: list[Any]) -> None:
    nodes = [
        onnx.helper.make_node("Cast", ["flag"], ["f"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Add", ["f", "n"], ["y"]),
    ]
    graph(tmp_path, nodes, *BOOLEAN)
    rows = pd.DataFrame({"n": [0.5, 0.25], "flag": values})
    assert predict(load(tmp_path, "regression"), rows).values[:, 0].tolist() == [1.5, 0.25]
    with pytest.raises(ColumnsError, match="column 'flag' has values that are not true or false"):
        predict(load(tmp_path, "regression"), rows.assign(flag=[2, 0]))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("age", [20, None], "column 'age' has missing values"),
        ("age", [20.5, 20], "column 'age' has values that are not whole numbers"),
        ("age", [1e300, 20], "column 'age' has values that are not whole numbers"),
        ("age", [2.0**63, 20], "column 'age' has values that are not whole numbers"),
        ("age", ["old", "20"], "column 'age' has values that are no numbers"),
        ("code", ["07", None], "column 'code' has missing values"),
        ("income_per_head", ["much", "1"], "column 'income_per_head' has values that are no num"),
    ],
)
def test_values_that_do_not_fit_are_named_by_column(
    tmp_path: Path, column: str, values: list[Any], expected: str
) -> None:
    one_input_each(tmp_path)
    rows = TABLE[["age", "code", "income per head"]][:2].assign(**{column: values})
    if column == "income_per_head":
        rows = rows.drop(columns="income per head")
    with pytest.raises(ColumnsError, match=expected) as error:
        predict(load(tmp_path, "regression"), rows)
    assert "much" not in str(error.value) and "old" not in str(error.value)


def test_numbers_that_stand_for_text_are_the_same_in_any_company(tmp_path: Path) -> None:
    """JSON knows numbers: 12 is the code `12`, whatever stands beside it."""
    one_input_each(tmp_path)
    predictor = load(tmp_path, "regression")
    rows = TABLE[["age", "code", "income per head"]][:2]
    right = predict(predictor, rows.assign(code=["12", "12"])).values
    for codes in ([12, 12], [12.0, 12.0]):
        np.testing.assert_array_equal(predict(predictor, rows.assign(code=codes)).values, right)
    mixed = rows.assign(code=pd.Series([12.0, 1.5], index=rows.index))
    np.testing.assert_array_equal(predict(predictor, mixed).values[0], right[0])


def test_a_gap_in_a_number_stays_one(tmp_path: Path) -> None:
    identity = [onnx.helper.make_node("Add", ["a", "b"], ["y"])]
    inputs = [("a", "FLOAT", [None, 1]), ("b", "FLOAT", [None, 1])]
    graph(tmp_path, identity, inputs, [("y", "FLOAT", [None, 1])])
    rows = pd.DataFrame({"b": pd.array([1.5, None], dtype="Float64"), "a": [1, 2]})
    np.testing.assert_array_equal(
        predict(load(tmp_path, "regression"), rows).values[:, 0], [2.5, np.nan]
    )


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    one_input_each(tmp_path)
    rows = TABLE.rename(columns={"code": "kode"})
    with pytest.raises(ColumnsError, match=r"'code' of the model is missing.*'kode'"):
        predict(load(tmp_path, "regression"), rows)


def test_a_matrix_knows_its_width(tmp_path: Path) -> None:
    save(tmp_path, LinearRegression().fit(X, X[:, 0]))
    predictor = load(tmp_path, "regression")
    with pytest.raises(ColumnsError, match="takes 3 columns, but the rows have 4"):
        predict(predictor, ROWS.assign(x4=1.0))
    with pytest.raises(ColumnsError, match="column 'x2' has values that are no numbers"):
        predict(predictor, ROWS.assign(x2="east"))
    text = ROWS.assign(x2=ROWS["x2"].map(str))
    np.testing.assert_array_equal(predict(predictor, text).values, predict(predictor, ROWS).values)


def test_a_matrix_of_text_takes_text_only(tmp_path: Path) -> None:
    """Its columns have no names, so no reader can know that `07` is no number."""
    frame = TABLE[["code"]].assign(more=TABLE["code"])
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame, TARGET)
    save(tmp_path, model, [("X", data_types.StringTensorType([None, 2]))])
    predictor = load(tmp_path, "regression")
    np.testing.assert_allclose(
        predict(predictor, frame).values[:, 0], model.predict(frame), rtol=1e-4
    )
    with pytest.raises(ColumnsError, match="column 'more' came as numbers"):
        predict(predictor, frame[:3].assign(more=[7, 12, 7]))


def test_inputs_that_nobody_can_tell_apart(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Concat", ["a", "b"], ["y"], axis=1)]
    inputs = [("a", "FLOAT", [None, 2]), ("b", "FLOAT", [None, 1])]
    graph(tmp_path, nodes, inputs, [("y", "FLOAT", [None, 3])])
    with pytest.raises(ModelError, match=r"2 inputs, and \['a'\] take more than one column"):
        predict(load(tmp_path, "regression"), ROWS)


def test_an_input_that_is_no_table_is_refused_at_the_start(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Identity", ["z"], ["y"])]
    graph(tmp_path, nodes, [("z", "BFLOAT16", [None, 2])], [("y", "BFLOAT16", [None, 2])])
    with pytest.raises(ModelLoadError, match=r"input 'z' is a tensor\(bfloat16\)"):
        load(tmp_path, "regression")


def test_inputs_that_nobody_named_go_by_position(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Sub", ["onnx::Sub_0", "onnx::Sub_1"], ["y"])]
    inputs = [("onnx::Sub_0", "FLOAT", [None, 1]), ("onnx::Sub_1", "FLOAT", [None, 1])]
    graph(tmp_path, nodes, inputs, [("y", "FLOAT", [None, 1])])
    predictor = load(tmp_path, "regression")
    np.testing.assert_array_equal(
        predict(predictor, ROWS[["x2", "x1"]]).values[:, 0], X[:, 1] - X[:, 0]
    )
    with pytest.raises(ColumnsError, match="takes 2 columns, but the rows have 3"):
        predict(predictor, ROWS)


def test_json_without_names_goes_by_position(tmp_path: Path) -> None:
    expected = one_input_each(tmp_path)[:3]
    predictor = load(tmp_path, "regression")
    rows = TABLE[["age", "code", "income per head"]][:3].to_numpy().tolist()
    body = json.dumps({"instances": rows}).encode()
    frame, source = read_data(body, "application/json", None, predictor)
    np.testing.assert_allclose(predictor.predict(frame, source).values[:, 0], expected, rtol=1e-4)


def test_columns_that_converters_spell_like_generated_names_go_by_name(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    years = ["2019", "2020", "2021"]
    rows = pd.DataFrame(np.random.default_rng(3).normal(0, 1, (40, 3)), columns=years)
    model = make_pipeline(make_column_transformer(("passthrough", years)), LinearRegression())
    model.fit(rows, rows["2019"] * 5 + rows["2020"])
    types = [(year, FloatTensorType([None, 1])) for year in years]
    converted = to_onnx(model, initial_types=types).SerializeToString()
    predictor = load(write_folder(tmp_path, model_onnx=converted), "regression")
    result = predict(predictor, rows[years[::-1]])
    np.testing.assert_allclose(result.values[:, 0], model.predict(rows), rtol=1e-4, atol=1e-5)
    with pytest.raises(ColumnsError, match="'_2020' of the model is missing"):
        predict(predictor, rows.rename(columns={"2020": "twenty"}))
