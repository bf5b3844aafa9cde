"""CSV headers that a few kilobytes are enough for, and that would keep pandas busy for minutes."""

from __future__ import annotations

import pytest

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.payload.csv.reader import MAX_COLUMNS, read_csv

REPEATED = "The CSV has too many columns of the same name."
ROW = b"\n1\n"


@pytest.mark.parametrize(
    "body",
    [
        b"a," * 20_000 + ROW,
        b'"a",' * 20_000 + ROW,
        b'"a\n",' * 20_000 + ROW,
        b"\n\r\n" + b"a," * 20_000 + ROW,
        b"a," * 20_000,
        b",".join([b"a"] * 2000 + [b"a.%d" % number for number in range(20_000)]) + ROW,
    ],
    ids=["plain", "quoted", "across lines", "after blank lines", "without rows", "numbered"],
)
@pytest.mark.parametrize("view", [bytes, memoryview])
def test_names_repeated_too_often(body: bytes, view: type):
    with pytest.raises(PayloadError) as caught:
        read_csv(view(body))
    assert str(caught.value) == REPEATED


@pytest.mark.parametrize("name", [b"", b'"a,b"'])
def test_too_many_columns(name: bytes):
    with pytest.raises(PayloadError, match=f"too many columns: at most {MAX_COLUMNS}."):
        read_csv((name + b",") * (MAX_COLUMNS + 1) + ROW)


def test_wide_tables_are_read():
    names = [b"c%d" % number for number in range(5_000)]
    frame = read_csv(b",".join(names) + b"\n" + b",".join([b"1"] * 5_000))
    assert frame.shape == (1, 5_000)
    assert read_csv(b"," * 5_000 + ROW).shape == (1, 5_001)
    assert list(read_csv(b"a," * 1_200 + ROW).columns[:3]) == ["a", "a.1", "a.2"]


def test_a_quote_that_stays_open_is_refused():
    with pytest.raises(PayloadError):
        read_csv(b'"a,' + b"b\n" * 20_000)
