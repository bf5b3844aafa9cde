"""Tables of decimals are read as pandas.read_csv reads them, or not at all."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.payload.csv.dialect import rounds_correctly
from datarobot_drum.drum.prediction.payload.csv.floats import read_floats

DECIMALS = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: f"{x:.17f}") | st.floats(
    -1e6, 1e6
).map(repr)
ODD = st.sampled_from(
    ["1", "-0", "null", "true", "[1.5]", "[2.5", "3.5]", '"1.5"', "1.", ".5", "+1.5", " 1.5", ""]
    + ["nan", "1e5", "1.5e400", "18446744073709551616", "1.2.3", "{}", "-", "1.5\r", "01.5"]
)


def check(body: bytes) -> bool:
    """Compare with read_csv; False for a body that is left to it."""
    result = read_floats(body)
    if result is None:
        return False
    expected = pd.read_csv(io.BytesIO(body))
    block = result.values
    pd.testing.assert_index_equal(result.header.columns, expected.columns)
    assert result.header.names == tuple(expected.columns)
    assert (expected.dtypes == np.float64).all()
    assert type(expected.index) is pd.RangeIndex
    assert block.shape == expected.shape
    assert block.tobytes() == expected.to_numpy().tobytes()
    return True


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(DECIMALS, min_size=width, max_size=width), min_size=1, max_size=20
        )
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_decimals_are_read(rows: list[list[str]], line_end: str, ended: bool) -> None:
    header = ",".join(f"column {i}" for i in range(len(rows[0])))
    text = line_end.join([header, *map(",".join, rows)]) + line_end * ended
    cells = [cell for row in rows for cell in row]
    left_to_pandas = not rounds_correctly() and any(abs(float(cell)) >= 2**63 for cell in cells)
    assert check(text.encode()) or any("e" in cell for cell in cells) or left_to_pandas


@given(st.lists(st.lists(DECIMALS | ODD, min_size=1, max_size=4), max_size=6))
@example([["1.5", "2.5"], ["3.5"], ["4.5", "5.5", "6.5"]])
@example([["1.5", "2.5", "null"], ["3.5"], ["1.5", "2.5"]])
@example([["1.5"], ["2.5", "3.5"]])
@example([["1.5", "2.5"], ["null"], ["1.5"]])
@example([["1.5", "[2.5"], ["3.5]", "4.5"]])
def test_ragged_and_odd_rows_are_never_read_otherwise(rows: list[list[str]]) -> None:
    check("\n".join(["a,b", *map(",".join, rows)]).encode())
    check("\n".join(["a", *map(",".join, rows)]).encode())


@given(st.text('1.5-,"\n\r \te[]null', max_size=30))
def test_any_text_is_never_read_otherwise(text: str) -> None:
    check(b"a,b\n" + text.encode())
    check(b"a\n" + text.encode())


@pytest.mark.parametrize("rows", [1, 2, 100, 2900])
def test_medium_tables_are_read(rows: int) -> None:
    block = np.random.default_rng(rows).normal(size=(rows, 10))
    body = pd.DataFrame(block, columns=list("abcdefghij")).to_csv(index=False).encode()
    assert check(body) or not rounds_correctly()
    assert check(memoryview(body)) or not rounds_correctly()


def test_a_view_is_read_too() -> None:
    assert check(memoryview(b"a,b\n1.5,2.5\n"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a",
        b"a\n",
        b"a,b\n1.5\n",
        b"a\n1.5\n\n",
        b"a\n1.5\n\n2.5\n",
        b"a\n1.5\r2.5\r",
        b"a\xff\n1.5",
    ],
)
def test_leaves_the_rest_to_others(body: bytes) -> None:
    assert read_floats(body) is None
