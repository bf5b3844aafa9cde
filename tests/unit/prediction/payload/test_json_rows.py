"""Rows as JSON."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import MalformedRequestError, PayloadError, RequestError
from datarobot_drum.drum.prediction.payload.json_rows import read_json_rows

EXPECTED = pd.DataFrame({"a": [1, 2], "b": [1.5, np.nan], "c": ["x", np.nan], "d": [True, False]})
RECORDS = '[{"a":1,"b":1.5,"c":"x","d":true},{"a":2,"b":null,"c":null,"d":false}]'
SPLIT = '{"columns":["a","b","c","d"],"index":[4,5],"data":[[1,1.5,"x",true],[2,null,null,false]]}'


@pytest.mark.parametrize(
    "body",
    [
        RECORDS,
        SPLIT,
        f'{{"dataframe_records":{RECORDS}}}',
        f'{{"dataframe_split":{SPLIT}}}',
        f'{{"instances":{RECORDS}}}',
    ],
)
def test_forms(body: str) -> None:
    frame = read_json_rows(body.encode())
    pd.testing.assert_frame_equal(frame, EXPECTED)
    pd.testing.assert_frame_equal(read_json_rows(memoryview(body.encode())), EXPECTED)


def test_is_the_table_that_the_same_csv_gives() -> None:
    csv = EXPECTED.to_csv(index=False).encode()
    pd.testing.assert_frame_equal(read_json_rows(RECORDS.encode()), pd.read_csv(io.BytesIO(csv)))


def test_rows_without_names() -> None:
    frame = read_json_rows(b'{"instances":[[1,2.5],[3,4.5]]}')
    assert list(frame.columns) == [0, 1]
    assert frame.to_numpy().tolist() == [[1.0, 2.5], [3.0, 4.5]]


@pytest.mark.parametrize(
    ("feature_names", "columns"),
    [(("x", "y"), ["x", "y"]), (("x",), [0, 1]), (("x", "y", "z"), [0, 1]), ((), [0, 1])],
)
def test_rows_without_names_get_those_of_the_model(
    feature_names: tuple[str, ...], columns: list[Any]
) -> None:
    frame = read_json_rows(b"[[1,2.5],[3,4.5]]", feature_names)
    assert list(frame.columns) == columns
    named = read_json_rows(b'{"columns":["p","q"],"data":[[1,2.5]]}', feature_names)
    assert list(named.columns) == ["p", "q"]


def test_a_column_of_nulls_is_a_column_of_missing_numbers() -> None:
    frame = read_json_rows(b'[{"a":null},{"a":null}]')
    assert frame["a"].dtype == np.float64
    assert frame["a"].isna().all()


def test_missing_keys_are_missing_values() -> None:
    frame = read_json_rows(b'[{"a":1},{"b":"x"}]')
    assert frame.isna().to_numpy().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("body", [b"", b"{", b'[{"a":NaN}]', b"[1,]", b"\xff", b"[" * 5000])
def test_not_json(body: bytes) -> None:
    with pytest.raises(MalformedRequestError, match="not valid JSON: line 1 column"):
        read_json_rows(body)


@pytest.mark.parametrize(
    "body",
    [
        b"1",
        b"null",
        b'"secret"',
        b"{}",
        b"[]",
        b'{"a":1}',
        b"[1,2]",
        b"[[1],[2,3]]",
        b'[{"a":1},2]',
        b'{"columns":["a"],"data":[[1,2]]}',
        b'{"columns":["a"],"data":[1]}',
        b'{"columns":"a","data":[["secret"]]}',
        b'{"columns":[["a"]],"data":[["secret"]]}',
        b'{"dataframe_split":[1]}',
        b'{"dataframe_records":{"a":1}}',
        b'{"instances":"secret"}',
    ],
)
def test_other_json(body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        read_json_rows(body)
    assert "secret" not in str(caught.value)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["columns", "data", "instances", "dataframe_split", "a", "b"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_any_json_is_read_or_refused(content: object) -> None:
    import orjson

    try:
        read_json_rows(orjson.dumps(content))
    except RequestError:
        return
