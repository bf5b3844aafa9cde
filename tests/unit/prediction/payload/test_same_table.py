"""One table, whatever it comes in: the same columns, to the dtype and to the bit.

What differs is meant, and is left out here where it is said why; ``test_what_is_meant_to_differ``
shows each.

- CSV has no types: a text that looks like a number, a boolean or a missing value is one, unless the
  model says that the column is text; an empty text is a missing value. Dates are text.
- Nothing in a column is a type only where the format names it: a column of text without any value
  is text by V2 and Arrow, and missing numbers by CSV and JSON, until the model says it is text.
- V2 has no gaps in integers and booleans: they are refused.
- pandas 2 reads decimals of CSV with another last digit than Python does.
- JSON has neither infinities nor NaN. A JSON column of mixed types stays one of Python's objects.
- Types narrower than 64 bits stay what Arrow and V2 say they are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import MalformedRequestError
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.open_inference.infer_request import frame_of, read_infer_request
from datarobot_drum.drum.prediction.payload.arrow import read_arrow_stream, read_parquet
from datarobot_drum.drum.prediction.payload.csv.dialect import rounds_correctly, text_dtype
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.json_rows import read_json_rows


class Column(NamedTuple):
    """``kind``: integer, float, boolean or text."""

    kind: str
    values: list[Any]


ARROW_TYPES = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
}
NULLABLE = {"integer": "Int64", "float": "Float64", "boolean": "boolean", "text": "string"}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_nan=False, allow_infinity=False).filter(
        # pandas 2 rounds only those right that need no rounding.
        lambda x: rounds_correctly() or ((x * 64).is_integer() and abs(x) < 1e6)
    )
    | st.integers(-(10**6), 10**6).map(lambda x: x / 64),
    "boolean": st.booleans(),
    "text": st.sampled_from(["A1", "é", "a, b", 'a "b"', "x\ny", " padded ", "2020-01-01"]),
}


@st.composite
def tables(draw: st.DrawFn) -> list[Column]:
    rows = draw(st.integers(1, 5))
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=2, max_size=4))
    return [Column(kind, draw(_cells(kind, rows))) for kind in kinds]


def _cells(kind: str, rows: int) -> st.SearchStrategy[list[Any]]:
    full = st.lists(VALUES[kind], min_size=rows, max_size=rows)
    with_gaps = st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)
    # A column of text without any value is left to the test of what differs.
    return full | with_gaps.filter(lambda cells: kind != "text" or set(cells) != {None})


def names(table: Sequence[Column]) -> list[str]:
    return [f"c{place}" for place in range(len(table))]


def as_csv(table: Sequence[Column]) -> pd.DataFrame:
    def cell(value: Any) -> str:
        if isinstance(value, str):
            return '"' + value.replace('"', '""') + '"'
        return "" if value is None else repr(value)

    rows = zip(*(column.values for column in table), strict=True)
    lines = [",".join(names(table)), *(",".join(map(cell, row)) for row in rows)]
    return read_csv("\n".join(lines).encode())


def as_json(table: Sequence[Column]) -> pd.DataFrame:
    rows = list(zip(*(column.values for column in table), strict=True))
    records = [dict(zip(names(table), row, strict=True)) for row in rows]
    split = read_json_rows(orjson.dumps({"columns": names(table), "data": rows}))
    found = read_json_rows(orjson.dumps(records))
    pd.testing.assert_frame_equal(found, split, check_exact=True)
    return found


def as_tensors(table: Sequence[Column]) -> pd.DataFrame:
    datatypes = {"integer": "INT64", "float": "FP64", "boolean": "BOOL", "text": "BYTES"}
    inputs = []
    for name, (kind, values) in zip(names(table), table, strict=True):
        datatype = "FP64" if kind != "text" and None in values else datatypes[kind]
        tensor = {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}
        inputs.append(tensor)
    return infer({"inputs": inputs, "parameters": {"content_type": "pd"}})


def infer(content: Any) -> pd.DataFrame:
    request = read_infer_request(PredictRequest(orjson.dumps(content), "application/json"))
    return frame_of(request, None)


def arrow_table(table: Sequence[Column]) -> pa.Table:
    arrays = [pa.array(values, ARROW_TYPES[kind]) for kind, values in table]
    return pa.table(arrays, names=names(table))


def from_pandas(table: Sequence[Column], dtypes: Callable[[str], Any]) -> pa.Table:
    columns = zip(names(table), table, strict=True)
    frame = pd.DataFrame({n: pd.array(c.values, dtype=dtypes(c.kind)) for n, c in columns})
    return pa.Table.from_pandas(frame)


def stream(table: pa.Table) -> pd.DataFrame:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return read_arrow_stream(sink.getvalue().to_pybytes())


def parquet(table: pa.Table) -> pd.DataFrame:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return read_parquet(sink.getvalue())


def dictionaries(table: pa.Table) -> pa.Table:
    columns = [column.combine_chunks().dictionary_encode() for column in table.columns]
    return pa.table(columns, names=table.column_names)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    for name in expected:
        if expected[name].dtype == np.float64:
            assert found[name].to_numpy().tobytes() == expected[name].to_numpy().tobytes()
        if expected[name].dtype == object:
            assert [type(value) for value in found[name]] == [type(x) for x in expected[name]]


@given(tables())
@example([Column("integer", [1, None]), Column("boolean", [True, None])])
@example([Column("text", ["A1", None]), Column("boolean", [None, None])])
@example([Column("float", [-0.0, 1.5]), Column("float", [None, None])])
def test_every_format_gives_what_csv_gives(table: list[Column]) -> None:
    expected = as_csv(table)
    same(as_json(table), expected)
    if not any(kind == "boolean" and None in values for kind, values in table):
        same(as_tensors(table), expected)
    plain = arrow_table(table)
    nullable = from_pandas(table, NULLABLE.__getitem__)
    backed = from_pandas(table, lambda kind: pd.ArrowDtype(ARROW_TYPES[kind]))
    for sent in (plain, nullable, backed, dictionaries(plain)):
        same(stream(sent), expected)
        same(parquet(sent), expected)


def test_dictionaries_that_pandas_wrote_are_their_values() -> None:
    words = pd.Categorical(["b", None, "a"], categories=["b", "a", "unused"], ordered=True)
    backed = pd.array(["b", None, "a"], pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())))
    numbers = pd.Categorical([3, 1, 3])
    expected = read_csv(b"w,d,n\nb,b,3\n,,1\na,a,3\n")
    table = pa.Table.from_pandas(pd.DataFrame({"w": words, "d": backed, "n": numbers}))
    same(stream(table), expected)
    same(parquet(table), expected)


def test_numbers_that_arrow_keeps() -> None:
    floats = [-0.0, float("inf"), None]
    table = pa.table(
        {
            "narrow": pa.array(floats, pa.float32()),
            "wide": pa.array(floats, pa.float64()),
            "small": pa.array([1, 2, 3], pa.int16()),
            "great": pa.array([2**64 - 1, 0, 1], pa.uint64()),
            "decimal": pa.array([1.5, None, -2.25]).cast(pa.decimal128(5, 2)),
            "none": pa.nulls(3),
        }
    )
    frame = stream(table)
    assert [str(dtype) for dtype in frame.dtypes] == (
        ["float32", "float64", "int16", "uint64", "float64", "float64"]
    )
    for name in ("narrow", "wide"):
        assert np.signbit(frame[name].iloc[0])
        assert np.isposinf(frame[name].iloc[1])
    assert frame["great"].tolist() == [2**64 - 1, 0, 1]
    assert frame["decimal"].tolist()[::2] == [1.5, -2.25]


def test_what_is_meant_to_differ() -> None:
    empty = [Column("text", [None, None]), Column("integer", [1, 2])]
    for read, dtype in (
        (as_csv, np.float64),
        (as_json, np.float64),
        (as_tensors, text_dtype()),
        (lambda table: stream(arrow_table(table)), text_dtype()),
        (lambda table: parquet(arrow_table(table)), text_dtype()),
    ):
        column = read(empty)["c0"]
        assert column.dtype == dtype
        assert all(isinstance(value, float) and value != value for value in column)

    assert read_csv(b"a,b\nNA,2020-01-01\n")["a"].isna().all()
    assert read_json_rows(b'[{"a":"NA"}]')["a"].tolist() == ["NA"]
    assert read_json_rows(b'[{"a":"1"},{"a":1}]')["a"].tolist() == ["1", 1]
    assert read_json_rows(b'[{"a":""}]')["a"].tolist() == [""]
    assert stream(pa.table({"a": pa.array([0], pa.timestamp("ms"))}))["a"].dtype.kind == "M"


@pytest.mark.parametrize("datatype", ["INT64", "UINT8", "BOOL"])
def test_tensors_without_gaps(datatype: str) -> None:
    tensor = {"name": "a", "datatype": datatype, "shape": [2], "data": [1, None]}
    with pytest.raises(MalformedRequestError, match=r"inputs\[0\]: the data is not"):
        infer({"inputs": [tensor]})


def test_a_matrix_of_texts_has_gaps_too() -> None:
    tensor = {
        "name": "a",
        "datatype": "BYTES",
        "shape": [2, 2],
        "data": [["07", None], ["x", None]],
        "parameters": {"content_type": "np"},
    }
    frame = infer({"inputs": [tensor]})
    assert frame[0].tolist() == ["07", "x"]
    assert [frame[place].dtype for place in (0, 1)] == [text_dtype()] * 2
    assert all(value != value for value in frame[1])


def test_raw_bytes_stay_bytes() -> None:
    tensor = {"name": "a", "datatype": "BYTES", "shape": [2], "data": ["AAE=", None]}
    frame = infer({"inputs": [{**tensor, "parameters": {"content_type": "base64"}}]})
    assert frame["a"].dtype == object
    assert frame["a"].iloc[0] == b"\x00\x01"
    assert isinstance(frame["a"].iloc[1], float)
