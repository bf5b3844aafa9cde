"""CSV rows that do not fit their header: never an index, never a silent cut; csv is the judge."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body, PredictRequest
from datarobot_drum.drum.prediction.payload.csv import rows as csv_rows
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.structured import (
    read_file_rows,
    read_rows,
    read_transform_rows,
)
from tests.unit.prediction.payload.test_structured import _form, _predictor

UNFIT = "Pandas failed to read input binary data: rows do not fit the header"
CELLS = st.sampled_from(
    [
        "1",
        "2.5",
        "0",
        "",
        "",
        "x",
        "NA",
        '""',
        '"a,b"',
        '"q""q"',
        '"x\ny"',
        '"c\r\nd",',
        'p"q',
        " 1",
    ]
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=5)
TRAILING = st.lists(st.lists(CELLS, min_size=2, max_size=2).map(",".join).map("{},".format))


def outcome(read: object, body: Body) -> pd.DataFrame | str:
    try:
        return read(body)  # type: ignore[operator, no-any-return]
    except PayloadError as error:
        return str(error)


def judged(body: bytes) -> pd.DataFrame | None:
    """By the csv module's cells; None: rows that are longer than the header."""
    lines = csv.reader(io.StringIO(body.decode(), newline=""))
    header, *rows = [row for row in lines if row]
    width = len(header)
    if rows and all(len(row) == width + 1 and row[-1] == "" for row in rows):
        rows = [row[:-1] for row in rows]
    if any(len(row) > width for row in rows):
        return None
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return pd.read_csv(io.StringIO(text.getvalue()))


@given(
    st.sampled_from(["a,b", "a,b,", '"a","b,c"', 'a,"b\nc"', "a,b,c"]),
    ROWS | TRAILING,
    # Behind a lone CR pandas itself loses its way, where a blank or an empty cell follows.
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.booleans(),
)
@example("a,b", ["1,2,", "3,4,"], "\r", True)
@example("a,b", ["1,2,", "3,4,"], "\n", True)
@example("a,b", ["0,2,", "1,4,"], "\n", True)
@example("a,b", ["1,2,", "3,4"], "\n", True)
@example("a,b", ["1,2", "0,4,5"], "\n", True)
@example("a,b", ["0,1,2", "1,3,4"], "\n", True)
@example("a,b", ["1,2,,", "3,4,,"], "\n", True)
@example("a,b", [",,", ",,"], "\n", True)
def test_as_the_csv_module_cuts_them(
    header: str, rows: list[str], line_end: str, ended: bool
) -> None:
    body = (line_end.join([header, *rows]) + line_end * ended).encode()
    expected = judged(body)
    readers = (read_csv, PartsReader(2, least=1))
    for read, sent in itertools.product(readers, (body, memoryview(body))):
        found = outcome(read, sent)
        if expected is None:
            assert isinstance(found, str)
            assert found.startswith(f"{UNFIT}: Expected ")
        else:
            assert isinstance(found, pd.DataFrame)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("body", [b"a\n1,\n2,\n", b"a\n0,\n\n1,\n", b"\xef\xbb\xbfa\r\n1,\r\n2,"])
def test_a_single_column(body: bytes) -> None:
    frame = read_csv(body)
    assert list(frame.columns) == ["a"]
    assert frame["a"].tolist() in ([1, 2], [0, 1])
    assert frame.index.equals(pd.RangeIndex(2))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"a,b\n1,2,3\n4,5,6\n", "Expected 2 fields in line 2, saw 3"),
        (b"a,b\n1,2,\n3,4,5\n", "Expected 2 fields in line 3, saw 3"),
        (b"a,b\n1,2,\n3,4\n", "Expected 2 fields in line 2, saw 3"),
        (b"a,b\n1,2,\n3,4,,\n", "Expected 2 fields in line 3, saw 4"),
        (b"a,b\n1,2\n3,4,\n", "Expected 2 fields in line 3, saw 3"),
        (b"\r\na,b\r\n\r\n1,2,3\r\n", "Expected 2 fields in line 4, saw 3"),
        (b'a,"b\nc"\n"1\n2",3,\n4,5,6\n', "Expected 2 fields in line 5, saw 3"),
        (b"a\n1,2\n", "Expected 1 fields in line 2, saw 2"),
    ],
)
def test_decision_25_longer_rows_are_refused_with_their_line(body: bytes, place: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read_csv(body)
    assert str(caught.value) == f"{UNFIT}: {place}"
    assert caught.value.status == 422


def test_a_longer_row_is_found_wherever_pandas_begins_to_read_anew() -> None:
    lines = [b"1,2"] * 600_000
    for place in (262_144, 524_288):
        body = b"\n".join([b"a,b", *lines[:place], b"1,2,3", *lines[place:]])
        with pytest.raises(PayloadError, match=UNFIT):
            read_csv(body)


def test_decision_25_a_comma_behind_every_row_is_left_out_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    csv_rows._say_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        for body in (b"p,q\n17,2,\n3,4,\n", b"p,q\n5,6,\n"):
            frame = read_csv(body)
            assert list(frame.columns) == ["p", "q"]
            assert not frame.isna().any(axis=None)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == csv_rows.ONE_MORE
    assert "17" not in record.getMessage()


def test_decision_25_shorter_rows_and_a_longer_header_are_missing_values() -> None:
    assert read_csv(b"a,b\n1\n3,4\n")["b"].isna().tolist() == [True, False]
    frame = read_csv(b"a,b,\n1,2\n3,4\n")
    assert list(frame.columns) == ["a", "b", "Unnamed: 2"]
    assert frame["a"].tolist() == [1, 3]
    assert frame["Unnamed: 2"].isna().all()


def _file(folder: Path, body: bytes) -> str:
    path = folder / "rows.csv"
    path.write_bytes(body)
    return str(path)


def test_every_way_in(tmp_path: Path) -> None:
    trailing, longer = b"a,b\n1,2,\n3,4,\n", b"a,b\n1,2,9\n3,4,9\n"
    part, target = 'name="X"; filename="x.csv"', 'name="y"; filename="y.csv"'
    for body in (trailing, longer):
        ways = {
            "body": lambda body=body: read_rows(PredictRequest(body, "text/csv"), _predictor())[0],
            "X": lambda body=body: read_rows(_form((part, body)), _predictor())[0],
            "y": lambda body=body: read_transform_rows(
                _form((part, b"a\n1\n"), (target, body)), _predictor()
            )[1],
            "file": lambda body=body: read_file_rows(_file(tmp_path, body), None, _predictor())[0],
        }
        for read in ways.values():
            if body is longer:
                with pytest.raises(PayloadError, match=UNFIT):
                    read()
                continue
            assert read().to_numpy().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\n" + b"\n" * 500_000,
        b"a,b\n" + b" \t\r\n" * 200_000 + b"1,2\n",
        b"\n" * 500_000,
        b'a,b\n"' + b'""' * 300_000 + b'",2\n',
        b'a,b\n"' + b'""x' * 200_000 + b"\n",
    ],
    ids=["blank lines", "lines of blanks", "no header", "quotes", "an open quote"],
)
def test_looking_at_rows_takes_little_memory(body: bytes) -> None:
    tracemalloc.start()
    csv_rows.header_start(body)
    csv_rows.has_longer_row(body, 2)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(body) + 2**20
