"""Predictions as JSON, and which other format an answer has."""

from __future__ import annotations

import json
import math
import warnings
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.predictions_response import (
    predictions_json,
    predictions_response,
)

ONE = ("Predictions",)
ARROW = "application/vnd.apache.arrow.stream"
PREDICTIONS = Predictions(np.array([[0.25], [0.5]]), ONE)


def _column(*values: object) -> np.ndarray:
    column = np.empty((len(values), 1), dtype=object)
    column[:, 0] = values
    return column


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.array([[1.5], [2.5]]), "[1.5,2.5]"),
        (np.array([[1], [3]]), "[1.0,3.0]"),
        (np.array([[True], [False]]), "[1.0,0.0]"),
        (np.array([["1.5"], ["-2"]]), "[1.5,-2.0]"),
        (_column("1.5", 2, None), "[1.5,2.0,null]"),
        (np.array([[1.8128163742270706], [1.2e-12]]), "[1.8128163742270706,1.2e-12]"),
        (np.array([[np.nan], [np.inf], [-np.inf]]), "[null,null,null]"),
        (np.array([[0.1]], dtype=np.float32), "[0.10000000149011612]"),
        (np.zeros((0, 1)), "[]"),
    ],
)
def test_numbers(values: np.ndarray, text: str) -> None:
    for target_type in (TargetType.REGRESSION, TargetType.ANOMALY):
        body = predictions_json(Predictions(values, ONE), target_type)
        assert body == b'{"predictions":%b}' % text.encode()


def test_text_is_no_number() -> None:
    with pytest.raises(ModelError, match="^could not convert string to float: 'a'$"):
        predictions_json(Predictions(_column("a"), ONE), TargetType.REGRESSION)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_read_back_as_they_were(numbers: list[float]) -> None:
    values = np.array(numbers, dtype=float).reshape(-1, 1)
    body = predictions_json(Predictions(values, ONE), TargetType.REGRESSION)
    read = json.loads(body)["predictions"]
    assert np.array(read, dtype=float).tobytes() == values.tobytes()


@given(
    st.lists(st.text(), min_size=2, max_size=4, unique=True),
    st.lists(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=4, max_size=4)),
)
def test_classes(labels: list[str], rows: list[list[float]]) -> None:
    values = np.array(rows, dtype=float).reshape(-1, 4)[:, : len(labels)]
    body = predictions_json(Predictions(values, tuple(labels)), TargetType.MULTICLASS)
    expected = [
        {
            label: None if math.isnan(value) else value
            for label, value in zip(labels, row, strict=True)
        }
        for row in values.tolist()
    ]
    read = json.loads(body)["predictions"]
    assert read == expected
    assert all(list(record) == labels for record in read)
    assert body.isascii()


def test_labels_are_escaped_as_they_always_were() -> None:
    values = np.array([[0.25, 0.75]])
    body = predictions_json(Predictions(values, ("50%/é", 'a"b')), TargetType.BINARY)
    assert body == rb'{"predictions":[{"50%\/\u00e9":0.25,"a\"b":0.75}]}'


def test_text_predictions() -> None:
    values = _column("a/é", "😀\n", None, np.nan, 3, {"k": [1, "/"]}, "")
    body = predictions_json(Predictions(values, ONE), TargetType.TEXT_GENERATION)
    assert body == (
        rb'{"predictions":["a\/\u00e9","\ud83d\ude00\n",null,null,3,{"k":[1,"\/"]},""]}'
    )


@given(st.lists(st.text(), min_size=1))
def test_text_is_written_as_pandas_writes_it(texts: list[str]) -> None:
    body = predictions_json(Predictions(_column(*texts), ONE), TargetType.TEXT_GENERATION)
    series = pd.Series(texts, dtype=object).to_json(orient="values")
    assert body == b'{"predictions":%b}' % series.encode()


@pytest.mark.parametrize("value", [object(), "\ud800", 2**70])
def test_values_without_json_form(value: object) -> None:
    with pytest.raises(ModelError, match="no JSON form"):
        predictions_json(Predictions(_column(value), ONE), TargetType.TEXT_GENERATION)


def _extra(frame: pd.DataFrame) -> str:
    values = np.zeros((len(frame), 1))
    body = predictions_json(Predictions(values, ONE, frame), TargetType.REGRESSION).decode()
    return body.partition(',"extraModelOutput":')[2][:-1]


def test_extra_output() -> None:
    frame = pd.DataFrame({"z": ["q", None], "w": [1, 2], "v": [0.1, np.nan]}, index=["r", "s"])
    assert _extra(frame) == (
        '{"columns":["z","w","v"],"index":["r","s"],"data":[["q",1,0.1],[null,2,null]]}'
    )


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.5, 2.0]}),
        pd.DataFrame({"a": ["é/", "x"]}, index=[10, 11]),
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01 10:00", None])}),
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01 10:00", None]).tz_localize("Asia/Tokyo")}),
        pd.DataFrame({"a": [1, 2]}, index=pd.to_datetime(["2020-01-01", "1960-05-04"])),
        pd.DataFrame({"a": pd.to_timedelta(["1h", None])}),
        pd.DataFrame(
            {"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], "boolean")}
        ),
        pd.DataFrame({"a": pd.Categorical(["x", None])}),
        pd.DataFrame({"a": [[1, 2], {"k": None}], "b": [datetime(2020, 1, 1), date(2021, 1, 1)]}),
        pd.DataFrame(
            {"a": [np.float32(0.5), np.int32(4)], "b": [np.bool_(True), timedelta(days=1)]}
        ),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
        pd.DataFrame(index=[0, 1]),
    ],
)
def test_extra_output_is_written_as_pandas_writes_it(frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        # pandas is about to drop epochs; clients of these routes keep them.
        warnings.simplefilter("ignore")
        expected = frame.to_json(orient="split", date_format="epoch", date_unit="ms")
    assert json.loads(_extra(frame)) == json.loads(expected)


def test_decimals_are_numbers() -> None:
    assert (
        _extra(pd.DataFrame({"a": [Decimal("1.5")]}))
        == '{"columns":["a"],"index":[0],"data":[[1.5]]}'
    )


def test_extra_columns_may_share_a_name() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert _extra(frame) == '{"columns":["a","a"],"index":[0],"data":[[1,2]]}'


# -- other formats


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("application/json;q=0.1, text/csv;q=0.5", "text/csv; charset=utf-8"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("Text/CSV; q=1.0", "text/csv; charset=utf-8"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=high", "application/json"),
        ("text/csv;q=nan", "application/json"),
        (f"{ARROW}, */*;q=0.1", ARROW),
        (",;,", "application/json"),
    ],
)
def test_content_type(accept: str, content_type: str) -> None:
    response = predictions_response(PREDICTIONS, TargetType.REGRESSION, accept)
    assert (response.status, response.content_type) == (200, content_type)


def test_bodies() -> None:
    def body(accept: str) -> object:
        return predictions_response(PREDICTIONS, TargetType.REGRESSION, accept).body

    assert body("") == b'{"predictions":[0.25,0.5]}'
    assert body("text/csv") == b"Predictions\n0.25\n0.5\n"
    assert pa.ipc.open_stream(body(ARROW)).read_all().to_pydict() == {"Predictions": [0.25, 0.5]}
