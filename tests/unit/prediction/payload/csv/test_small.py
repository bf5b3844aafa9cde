"""The reader of small bodies gives what pandas.read_csv gives, or steps aside."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.payload.csv.floats import read_floats
from datarobot_drum.drum.prediction.payload.csv.small import read_small_csv
from tests.unit.prediction.payload.csv.csv_bodies import FLOATS, csv_bodies


def check_equal_or_aside(body: bytes) -> None:
    frame = read_small_csv(body)
    if frame is None:
        return
    expected = pd.read_csv(io.BytesIO(body))
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    assert type(frame.index) is type(expected.index)
    for position in range(expected.shape[1]):
        mine, theirs = frame.iloc[:, position], expected.iloc[:, position]
        assert mine.dtype == theirs.dtype
        if mine.dtype == np.float64:
            assert mine.to_numpy().tobytes() == theirs.to_numpy().tobytes()


@given(csv_bodies())
@example(b"a,b\n1,-0\n2.5,3\n")
@example(b"a,b\n1,-0\n2.5,\n")
@example(b"a\n\n")
@example(b"a\n \n")
@example(b"a,a\n1,2\n")
@example(b"a,b\n1,2,3\n")
@example(b"a,b\n1\n")
@example(b'a,b\n"x\ny",1\n')
@example(b'a\n""\n')
@example(b"a,b\n-0,1.5\n-0.0,2.5\n")
@example(b"a\n,\n")
@example(b"a,b\n0.0,18446744073709551616")
@example(b"a,b\n0.0,1e5")
@example(b"a\n18446744073709551616\n1_000")
@example(b"x\n0.038075906433423026\n")
def test_equals_read_csv_or_steps_aside(body: bytes) -> None:
    check_equal_or_aside(body)


@given(st.text('a1.-,"\n\r \t\0eNA', max_size=40).map(str.encode))
def test_equals_read_csv_on_any_text(body: bytes) -> None:
    check_equal_or_aside(b"a,b\n" + body)
    check_equal_or_aside(b"a\n" + body)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=30))
def test_float_arrays_are_those_of_the_frame(rows: list[tuple[str, str]]) -> None:
    body = "\n".join(["x,y", *map(",".join, rows)]).encode()
    result = read_floats(body)
    if result is None:
        return
    expected = pd.read_csv(io.BytesIO(body))
    assert result.header.names == ("x", "y")
    assert (expected.dtypes == np.float64).all()
    assert result.values.tobytes() == expected.to_numpy().tobytes()


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\n1.5,-2.25\n",
        b"a,b\r\n1.5,-2.25\r\n",
        b"a,b\n1,2\n3,4",
        b"a,b\n1,NA\n3,4.5",
        b"island,mass\nBiscoe,4000\nDream,\n",
        b"a,b\nTrue,x\nfalse,y\n",
        b'"a","b"\n"x, y",1\n',
        b'prompt\n"tell me\nmore, please"\n',
        b"a,a,\n1.5,2.5,3.5\n",
    ],
)
def test_takes_what_clients_usually_send(body: bytes) -> None:
    assert read_small_csv(body) is not None
    check_equal_or_aside(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a,b\n",
        b"\n1,2\n",
        b"a,b\n1,2,3\n",
        b"a,b\n1\n",
        b"a,b\n\xff,2\n",
        b"a\n1\n\n2\n",
        b'a,b\n"x"y,2\n',
        b'a,b\n"x,2\n',
        b"a,b\n12345678901234567890,2\n",
        b"a\n" + b"1\n" * 2000,
        b"a\n" + b"1.5\n" * 40_000,
    ],
)
def test_steps_aside(body: bytes) -> None:
    assert read_small_csv(body) is None


def test_a_renamed_header_does_not_reach_the_next_body() -> None:
    body = b"a,b\n1.5,2.5\n"
    frame = read_small_csv(body)
    assert frame is not None
    frame.columns.name = "changed"
    again = read_small_csv(body)
    assert again is not None
    assert again.columns.name is None


def test_frames_can_be_written_to() -> None:
    frame = read_small_csv(b"a,b\n1.5,x\n2.5,y\n")
    assert frame is not None
    frame.loc[0, "a"] = 9.0
    frame["c"] = [1, 2]
    assert frame["a"].tolist() == [9.0, 2.5]
