"""Large CSV bodies read in parts: what pandas.read_csv makes of the whole, whatever is in them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv import parts as csv_parts
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from tests.unit.prediction.payload.csv.csv_bodies import CELL_KINDS, csv_bodies
from tests.unit.scarce_threads import no_threads

# What is compiled takes nearly all that is read in parts without it.
pytestmark = pytest.mark.usefixtures("without_library")

NUMBERS = st.sampled_from(
    ["1", "0", "-0", "-00", " -0", "0.0", "-0.0", "-0.", "-0e0", "1e-05", "2.5", "-3", "", "NA"]
    + ["9007199254740993", "12345678901234567890", "1e400", "inf", "-inf", "nan", "-1e-09"]
)


def same(body: bytes, threads: int = 2) -> None:
    """Each line may be a part; read twice, as the second reading knows what the first has seen."""
    reader = PartsReader(threads, least=1)
    expected = outcome(read_csv, body)
    for sent in (body, memoryview(body)):
        found = outcome(reader, sent)
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
            continue
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        pd.testing.assert_frame_equal(signs(found), signs(expected))


def outcome(read: Callable[[Body], pd.DataFrame], body: Body) -> pd.DataFrame | str:
    """The frame, or the text of the error."""
    try:
        return read(body)
    except PayloadError as error:
        return str(error)


def signs(frame: pd.DataFrame) -> pd.DataFrame:
    """A comparison takes -0 for 0."""
    return pd.DataFrame(np.signbit(frame.select_dtypes("float64").to_numpy()))


@given(
    st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=8),
    st.integers(2, 4),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.sampled_from(["a,b", '"a","b"', "a,a", "a,", 'a,"b']),
)
@example([["-0", "1"], ["1.5", "1"], ["NA", "1"]], 2, "\n", "a,b")
@example([["1.5", "1"], ["0.5", "1"], ["-0", "1"], ["0", "2"]], 2, "\n", "a,b")
@example([["1e-05", "1"], ["0.0", "-1"], ["-1e-09", "1"], ["0.0", "2"]], 2, "\n", "a,b")
def test_numbers(rows: list[list[str]], threads: int, line_end: str, header: str) -> None:
    same(line_end.join([header, *map(",".join, rows)]).encode(), threads)


@given(csv_bodies())
@example(b"a,b\n1,2\n3,4,5\n6,7\n")
@example(b"a,b\n1,2\n3,4\n5,6\n7,8,9\n")
@example(b"a,b\n1,2,3\n4,5,6\n7,8,9\n")
@example(b"a,b\n1,2\n0,1,2\n")
@example(b"a,b\n1,2,\n3,4,\n5,6,\n")
@example(b'a,b\n1,"2\n"\n3,4\n')
@example(b"a\n1\n\n2\n")
@example(b"a,b\r1,2\r\n3,4\n")
def test_anything(body: bytes) -> None:
    same(body)


# What pandas before 3 thinks of such columns; the frames are compared all the same.
@pytest.mark.filterwarnings("ignore::pandas.errors.DtypeWarning")
@given(st.lists(st.tuples(*[st.sampled_from(CELL_KINDS).flatmap(lambda kind: kind)] * 2)))
def test_any_cells(rows: list[tuple[str, str]]) -> None:
    same("\n".join(["a,b", *map(",".join, rows)]).encode())


def large(columns: dict[str, np.ndarray | list[str]]) -> bytes:
    return pd.DataFrame(columns).to_csv(index=False).encode()


NOISE = np.random.default_rng(0).normal(size=200_000)
COUNTS = np.arange(200_000)


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ({"a": NOISE, "b": -NOISE}, True),
        ({"a": NOISE, "b": COUNTS}, True),
        ({"a": NOISE, "b": np.where(COUNTS % 3, NOISE, np.nan)}, True),
        ({"a": NOISE, "b": np.where(COUNTS % 2, 0.0, 1.0)}, True),
        ({"a": NOISE * 1e-7, "b": np.zeros(200_000)}, True),
        ({"a": NOISE, "b": np.where(COUNTS < 100_000, "x", "1")}, False),
        ({"a": NOISE, "b": np.where(COUNTS < 190_000, COUNTS.astype(str), "0.5")}, False),
        # As pandas reads them: +0.0 where integers are among themselves for a while, else -0.0.
        ({"a": NOISE, "b": np.where(COUNTS % 100_000 < 50_000, "-0", "0.5")}, False),
        ({"a": NOISE, "b": np.where(COUNTS % 2, NOISE, 1e20)}, False),
    ],
)
def test_tables_that_pandas_itself_reads_in_chunks(
    columns: dict[str, np.ndarray | list[str]], split: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = large(columns)
    expected = pd.read_csv(io.BytesIO(body))
    whole: list[int] = []

    def note(
        body: bytes, text: TextColumns | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        whole.append(1)
        return read_csv(body, text)

    monkeypatch.setattr(csv_parts, "read_csv", note)
    reader = PartsReader(2)
    for _ in range(2):
        found = reader(body)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        if split:
            assert found.to_numpy().tobytes() == expected.to_numpy().tobytes()
    assert whole == ([] if split else [1, 1])


def test_small_bodies_and_one_thread_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_parts, "_read_part", None)
    PartsReader(4)(b"a,b\n" + b"1,2\n" * 100_000)
    PartsReader(1)(b"a,b\n" + b"1,2\n" * 1_000_000)


def test_headers_are_not_remembered_without_end() -> None:
    reader = PartsReader(2, least=1)
    for number in range(1_000):
        reader(b"a,b%d\nx,1\ny,2\n" % number)
    assert len(reader._unfit) <= 256


def test_without_threads_the_whole_is_read_and_later_parts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = b"a,b\n" + b"1,2\n" * 100
    reader = PartsReader(2, least=1)
    with no_threads():
        pd.testing.assert_frame_equal(reader(body), read_csv(body))

    def read_whole(*_args: object) -> None:
        raise AssertionError("it was read as a whole")

    monkeypatch.setattr(csv_parts, "read_csv", read_whole)
    assert len(reader(body)) == 100
