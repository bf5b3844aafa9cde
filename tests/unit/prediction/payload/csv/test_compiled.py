"""What is compiled reads as pandas.read_csv does, or steps aside."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import BodyTooLargeError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv import compiled
from datarobot_drum.drum.prediction.payload.csv.compiled import read_compiled
from datarobot_drum.drum.prediction.payload.csv.dialect import rounds_correctly, rows_of_chunk
from datarobot_drum.drum.prediction.payload.csv.library import PATH, load
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.utils.gaps import MISSING
from tests.unit.prediction.payload.csv.csv_bodies import (
    CELL_KINDS,
    DECIMALS,
    FLOATS,
    INTEGERS,
    csv_bodies,
)

pytestmark = pytest.mark.usefixtures("with_library")

BOUNDS = Path(__file__).with_name("bounds.py")


def expected_frame(body: Body, text: TextColumns | None = None) -> pd.DataFrame:
    options = {}
    if text is not None:
        options = text.options(pd.read_csv(io.BytesIO(body), nrows=0).columns)
    return pd.read_csv(io.BytesIO(body), **options)


def same(body: Body, text: TextColumns | None = None) -> bool:
    """Whether it is read, which has to give what pandas gives, to the last bit."""
    rows = read_compiled(body, text)
    if rows is None:
        return False
    frame, expected = rows.frame, expected_frame(body, text)
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    assert type(frame.index) is type(expected.index)
    for place in range(expected.shape[1]):
        mine, theirs = frame.iloc[:, place], expected.iloc[:, place]
        assert mine.dtype == theirs.dtype
        if mine.dtype == np.float64:
            assert mine.to_numpy().tobytes() == theirs.to_numpy().tobytes()
        else:
            assert list(map(type, mine.tolist())) == list(map(type, theirs.tolist()))
    return True


@given(csv_bodies())
@example(b'a,b\n"x ""y""",1\nx ""y"",2\n')
@example(b'a,b\nx"y,1\n"x""y",1\n')
@example(b"a,b\n1,\n-0,1.5\n")
@example(b"a,b\n-0,1\n,1\n")
@example(b"a,b\n-0,1\n1.5,1\n")
@example(b"a\nx\n12345678901234567890\n")
@example(b"a\nx12345678901234567890\n")
@example(b"a\nTrue\n\ntrue\n")
@example(b"a,b\nTrue,1\n,1\nFALSE,1\n")
@example(b"a,b\nTrue,1\n1,1\n")
@example(b"a\n\xc3\n")
@example(b"a\n\xed\xa0\x80\n")
@example(b"a\n\xf4\x90\x80\x80\n")
@example(b"a\n\xc0\xaf\n")
@example(b'"a\n",b\n1,2\n')
def test_generated_tables(body: bytes) -> None:
    same(body)
    same(memoryview(body))


@given(st.text('a1.-,"\n\r \t\0eNA', max_size=40).map(str.encode) | st.binary(max_size=30))
def test_any_bytes(rows: bytes) -> None:
    for header in (b"a,b\n", b"a\n"):
        same(header + rows)


@given(
    st.lists(
        st.tuples(DECIMALS | FLOATS, FLOATS, INTEGERS, st.one_of(CELL_KINDS[0], INTEGERS)),
        min_size=1,
        max_size=80,
    )
)
def test_numbers_of_all_lengths(rows: list[tuple[str, ...]]) -> None:
    same("\n".join(("a,b,c,d", *map(",".join, rows))).encode())


@given(
    csv_bodies(),
    st.frozensets(st.sampled_from(["a", "b", "", "1", "a.1", "é"]), min_size=1),
    st.frozensets(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(sorted(MISSING - {""}))), max_size=4
    ),
)
@example(b"a,b\nNA,NA\n07,07\n", frozenset("a"), frozenset({("a", "NA")}))
@example(b"a,a\n07,07\n", frozenset("a"), frozenset())
def test_columns_that_are_told_to_be_text(
    body: bytes, names: frozenset[str], words: frozenset[tuple[str, str]]
) -> None:
    same(body, TextColumns(names, gap_words=words))


WIDE = ",".join(f"c{place}" for place in range(520))
WIDE_ROW = ",".join(("1.25", "-3", "Biscoe", "2024-05-01", "True", "", "NA", '"a, b"') * 65)
LONG = "a,b,c\n" + "".join(f"{n},{n / 7},text {n % 9}\n" for n in range(2000))


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\n1.5,-2.25\n",
        b"a,b\r\n1.5,-2.25\r\n",
        b"a,b\n1,2\n3,4",
        b"a,b\n1,NA\n3,4.5",
        b"a,b\n+1,1.\n3,.5",
        b"island,mass\nBiscoe,4000\nDream,\n",
        b"a,b\nTrue,x\nfalse,y\n",
        b"a,b\nTrue,x\n,y\n",
        b'"a","b"\n"x, y",1\n',
        b'a,b\r\n"x, ""y""\r\nz",1\r\n',
        b'prompt\n"tell me\nmore, please"\n',
        b"a,a,\n1.5,2.5,3.5\n",
        b"a,b\n,\n,\n",
        f"{WIDE}\n{WIDE_ROW}\n".encode(),
        LONG.encode(),
    ],
)
def test_takes_what_clients_usually_send(body: bytes) -> None:
    assert same(body)
    assert same(memoryview(body))


@pytest.mark.parametrize(
    "rows",
    [
        "",
        "1\n",
        "1,2,3\n",
        "1,2\n\n3,4\n",
        "1,2\n 3,4\n",
        '"x"y,2\n',
        '"x,2\n',
        "1,2\r3,4\r",
        "1,\0\n",
    ]
    + ["12345678901234567890,2\n", "inf,2\n", " 1,2\n", "true,1\n1,2\n", "1e400,2\n", "1e,2\n"],
)
def test_steps_aside(rows: str) -> None:
    assert read_compiled(f"a,b\n{rows}".encode()) is None


CHUNKS = ["1", "1.5", "", "-0", "9007199254740993", "x", "True", "true,", "NA", "12345678901234567"]


@pytest.mark.parametrize("first", CHUNKS)
def test_what_pandas_reads_in_two_chunks(first: str) -> None:
    """It decides in each of them what a column is: both rows beside the border show it."""
    width = 1000
    size = rows_of_chunk(width)
    names = ",".join(map(str, range(width)))
    row = ",7" * (width - len(CHUNKS) - 1)
    second = ",".join(cell.strip(",") for cell in CHUNKS)
    for shift in (-1, 0):
        before = f"z,{','.join([first.strip(',')] * len(CHUNKS))}{row}\n" * (size + shift)
        compiled._way.cache_clear()
        same(f"{names}\n{before}z,{second}{row}\n".encode())


def test_a_table_of_several_chunks_is_read() -> None:
    compiled._way.cache_clear()
    size = rows_of_chunk(1000)
    row = ",".join(("1.5", "2", "text", "", "True") * 200)
    body = "\n".join((",".join(map(str, range(1000))), *[row] * (2 * size + 3))).encode()
    assert same(body)


def test_decimals_are_all_there_is_where_all_are() -> None:
    rows = read_compiled(b"a,b\n1.5,2\n,2.5\n")
    assert rows is not None and rows.floats is not None
    assert rows.floats.flags.f_contiguous
    rows = read_compiled(b"a,b\n1.5,2\n,2\n")
    assert rows is not None and rows.floats is None


def test_frames_can_be_written_to() -> None:
    frame = read_csv(b"a,b,c\n1.5,x,1\n2.5,y,2\n")
    frame.loc[0, "a"] = 9.0
    frame.loc[0, "b"] = "z"
    frame["d"] = [1, 2]
    assert frame["a"].tolist() == [9.0, 2.5]
    assert frame["b"].tolist() == ["z", "y"]
    frame.columns.name = "changed"
    assert read_csv(b"a,b,c\n1.5,x,1\n").columns.name is None


def test_lines_without_cells_take_no_memory() -> None:
    body = b",".join([b"x"] * 1000) + b"\n" * 1_000_000
    assert read_compiled(body) is None


def test_what_takes_more_than_it_may_is_refused() -> None:
    body = b"a,b\n" + b"1,2\n" * 1000
    assert read_compiled(body, None, 20_000) is not None
    with pytest.raises(BodyTooLargeError):
        read_csv(body, None, 10_000)


def test_what_does_not_fit_is_not_tried_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    class Reading(compiled._Reading):
        def blocks(self):
            tried.append(1)
            return super().blocks()

    monkeypatch.setattr(compiled, "_Reading", Reading)
    odd, fine = b"odd,b\n1,2\n\n" + b"3,4\n" * 2000, b"odd,b\n" + b"3,4\n" * 2000
    for _ in range(100):
        assert read_compiled(odd) is None
    assert len(tried) < 10
    # It comes back to it.
    assert any(read_compiled(fine) is not None for _ in range(70))
    assert all(read_compiled(fine) is not None for _ in range(3))


def test_a_column_may_be_something_else_in_each_body() -> None:
    for cell in ("1", "x", "", "1.5", "True", "2024-01-01", "1", "", "x"):
        assert same(f"changing,b\n{cell},1\n".encode())


def test_several_threads_may_read_what_is_compiled() -> None:
    pd.testing.assert_frame_equal(PartsReader(2, least=100)(LONG.encode()), read_csv(LONG.encode()))


def test_a_pandas_that_reads_otherwise_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    library = load(old_decimals=rounds_correctly())
    assert library is not None
    assert not compiled._agrees(library)


def test_without_a_library_there_is_none(tmp_path: Path) -> None:
    assert load(old_decimals=False, path=tmp_path / PATH.name) is None
    (tmp_path / PATH.name).write_bytes(b"no library")
    assert load(old_decimals=False, path=tmp_path / PATH.name) is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
def test_nothing_is_read_behind_the_end() -> None:
    """A body may lie at the end of what is mapped."""
    done = subprocess.run([sys.executable, str(BOUNDS)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all read\n", "")
