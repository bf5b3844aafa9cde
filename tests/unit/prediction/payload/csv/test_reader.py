"""CSV bodies: what pandas.read_csv gives, and what a client may read when it cannot."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from tests.unit.prediction.payload.csv.csv_bodies import csv_bodies

pytestmark = pytest.mark.usefixtures("both_ways")

LARGE = pd.DataFrame(
    {
        "number": np.random.default_rng(0).normal(size=9000),
        "count": np.arange(9000),
        "word": ["plain", "a, quoted\nword", ""] * 3000,
    }
)


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\n1,2\n",
        b"\xef\xbb\xbfa,b\n1,2\n",
        b" a ,a,a,\n1,2,3,4\n",
        b"a,b\n1,2\n\n3,4\n",
        b"a,b\n1\n",
        b"a,b\n",
        b"a,b\nx,NA\n,null\n",
        b"a;b\n1;2\n",
        b"a,b\r1,2\r",
        LARGE.to_csv(index=False).encode(),
    ],
)
def test_is_what_pandas_reads(body: bytes) -> None:
    expected = pd.read_csv(io.BytesIO(body))
    if expected.shape[1] == 1:
        expected = pd.read_csv(io.BytesIO(body), skip_blank_lines=False)
    pd.testing.assert_frame_equal(read_csv(body), expected, check_exact=True)
    pd.testing.assert_frame_equal(read_csv(memoryview(body)), expected, check_exact=True)


def as_pandas_reads(body: bytes) -> pd.DataFrame | None:
    """None for what pandas refuses."""
    try:
        frame = pd.read_csv(io.BytesIO(body))
        if frame.shape[1] == 1:
            table = re.sub(rb"^(\xef\xbb\xbf)?([ \t]*(\r\n?|\n))*", b"", body)
            frame = pd.read_csv(io.BytesIO(table), skip_blank_lines=False)
    except ValueError:
        return None
    return frame


def as_we_read(body: Body) -> pd.DataFrame | None:
    try:
        return read_csv(body)
    except PayloadError:
        return None


LOST = re.compile(rb"\r[, \t]")


def rows_that_fit(body: bytes) -> bool:
    """What is done with others is shown in test_rows.py. Behind a lone CR pandas itself loses its
    way, where a blank or an empty cell follows.
    """
    if LOST.search(body):
        return False
    lines = csv.reader(io.StringIO(body.decode().removeprefix("\ufeff"), newline=""))
    # A quoted cell without text is one, though the csv module tells it from no blank line.
    quoted = b'""' in body
    try:
        rows = [row for row in lines if row and (quoted or not is_blank(row))]
    except csv.Error:  # before Python 3.11 a NUL is one
        return False
    return all(len(row) <= len(rows[0]) for row in rows)


def is_blank(row: list[str]) -> bool:
    return len(row) == 1 and not row[0].strip(" \t")


@given(csv_bodies())
@example(b"a\n1\n\n3\n")
@example(b"\n007")
@example(b"\n \r\na\n7\n\n")
def test_generated_tables_are_what_pandas_reads(body: bytes) -> None:
    expected = as_pandas_reads(body)
    assume(rows_that_fit(body))
    for found in (as_we_read(body), as_we_read(memoryview(body))):
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_blank_lines_before_the_header_are_skipped() -> None:
    pd.testing.assert_frame_equal(read_csv(b"\n \na\n007\n"), pd.DataFrame({"a": [7]}))
    assert read_csv(b"\na").shape == (0, 1)


@pytest.mark.parametrize("body", [b"a\n1\n\n3\n", b"a\n1\n\n\n", b"a\n\n1"])
def test_blank_lines_of_a_single_column_are_missing_values(body: bytes) -> None:
    expected = pd.read_csv(io.BytesIO(body), skip_blank_lines=False)
    pd.testing.assert_frame_equal(read_csv(body), expected)
    assert expected["a"].isna().any()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"a,b\n\xff\xfe,2\n", "Supplied CSV input file encoding must be UTF-8."),
        ("a,b\né,2\n".encode("latin-1"), "Supplied CSV input file encoding must be UTF-8."),
        (b"", "No columns to parse from file"),
        (b"\n\n", "No columns to parse from file"),
        (
            b"a,b\n1,2\nsecret,2,3,4\n",
            "Pandas failed to read input binary data: rows do not fit the header: "
            "Expected 2 fields in line 3, saw 4",
        ),
        (
            b'a,b\n1,"secret\n',
            "Pandas failed to read input binary data: EOF inside string starting at row 1",
        ),
    ],
)
def test_refusals_do_not_quote_the_payload(body: bytes, text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read_csv(body)
    assert str(caught.value) == text
    assert caught.value.status == 422
