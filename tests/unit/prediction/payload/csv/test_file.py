"""A large CSV file is read like the same bytes in a body, without being held."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.model.predictor import RowSource
from datarobot_drum.drum.prediction.payload.csv import file as csv_file
from datarobot_drum.drum.prediction.payload.csv.dialect import refuses_in_every_chunk
from datarobot_drum.drum.prediction.payload.csv.file import is_large, read_csv_file
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.prediction.payload.predictions_csv import predictions_csv
from datarobot_drum.drum.scoring.score_file import score_file
from datarobot_drum.drum.settings import ScoreSettings
from tests.unit.folders import ROWS as TABLE
from tests.unit.folders import load, write_folder

ROWS = 20_000
# Blanks before a number mean nothing: a file that is much larger than its table.
PADDED = b"a,b\n" + ROWS * (b" " * 200 + b"1.5," + b" " * 200 + b"-2\n")
HOOK = """
def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [len(kwargs["binary_data"])] * len(data)})
"""

# pandas 2 cuts longer rows in silence, which only a look at all of them finds.
IN_PIECES = pytest.mark.skipif(
    not refuses_in_every_chunk(), reason="files are read whole with this pandas"
)


def outcome(read: Callable[[], pd.DataFrame]) -> pd.DataFrame | str:
    try:
        return read()
    except PayloadError as error:
        return str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"a,b\n1,2.5\nx,\n",
        b"a\r\n1\r\n\r\n2\r\n",
        b"a\n\n1.5\n\n",
        b'\n\n"a\nb",c\n1,2\n',
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a,b\n1,2,3\n4,5,6\n",
        b"a,b\n1,2\n3,4,5\n",
        b'a,b\n1,"2\n',
        b"a,b\n" + b"1,2\n" * 50_000 + b"x,\xff\n",
        b"\xff,b\n1,2\n",
        b"a,b\n1," + "é".encode() * 100_001 + b"\n",
        b'"' + b"long, " * 300_000 + b'",b\n1,2\n',
        b"a" + b"," * 2**20 + b"\n1\n",
        b",".join([b"a"] * 6_000) + b"\n",
        b"",
        b"\n\n",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_it_is_read_like_a_body(body: bytes, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(body)
    expected, found = outcome(lambda: read_csv(body)), outcome(lambda: read_csv_file(str(rows)))
    if isinstance(expected, str):
        assert found == expected
    else:
        assert isinstance(found, pd.DataFrame)
        pd.testing.assert_frame_equal(found, expected)


def linear(folder: Path) -> Path:
    return write_folder(folder, model_pkl=LinearRegression().fit(TABLE, [1.0, 2.0, 4.0]))


def score(folder: Path, target: Path) -> bytes:
    written = io.BytesIO()
    score_file(load(folder, "regression"), ScoreSettings(str(target)))(written)
    return written.getvalue()


@IN_PIECES
def test_scoring_does_not_hold_the_bytes(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(PADDED)
    predictor = load(linear(tmp_path / "model"), "regression")
    assert is_large(str(rows))
    # What is imported at first use is not the file's.
    score_file(predictor, ScoreSettings(str(rows)))(io.BytesIO())
    tracemalloc.start()
    try:
        written = io.BytesIO()
        score_file(predictor, ScoreSettings(str(rows)))(written)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written.getvalue().count(b"\n") == ROWS + 1
    assert peak < len(PADDED) / 2


def test_a_hook_is_given_the_bytes(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(PADDED)
    written = score(write_folder(tmp_path / "model", HOOK), rows)
    assert written == b"Predictions\n" + b"%d\n" % len(PADDED) * ROWS


def test_the_predictions_are_those_of_a_request(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(PADDED)
    folder = linear(tmp_path / "model")
    predictions = load(folder, "regression").predict(read_csv(PADDED), RowSource())
    assert score(folder, rows) == predictions_csv(predictions)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    folder = linear(tmp_path / "model")
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    writing = Thread(target=pipe.write_bytes, args=(PADDED,))
    writing.start()
    assert score(folder, pipe).count(b"\n") == ROWS + 1
    writing.join()


class Broken(io.BytesIO):
    """A file on a disk that fails after a while."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 2**20:
            raise OSError(5, "Input/output error")
        return super().read(size)


@IN_PIECES
def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "rows.csv"
    monkeypatch.setattr(csv_file, "open", lambda *_: Broken(PADDED), raising=False)
    with pytest.raises(PayloadError, match=f"The file {rows} cannot be read: Input/output error"):
        read_csv_file(str(rows))


def test_text_stays_text(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(b"code,number\n07,07\n,1\n")
    frame = read_csv_file(str(rows), TextColumns(frozenset({"code"})))
    assert frame["code"].isna().tolist() == [False, True]
    assert (frame["code"][0], frame["number"].tolist()) == ("07", [7, 1])


@pytest.mark.parametrize("opening", ["word ", '"a quoted\n'], ids=["plain", "quoted"])
def test_a_first_row_longer_than_a_piece_is_no_index(tmp_path: Path, opening: str) -> None:
    text = opening + "word " * 230_000 + ('"' if opening.startswith('"') else "")
    rows = tmp_path / "rows.csv"
    rows.write_text(f"text,x,z\n{text},1.5,0.5,\nshort,1.5,0.5,\n")
    frame = read_csv_file(str(rows))
    assert frame[["x", "z"]].to_numpy().tolist() == [[1.5, 0.5], [1.5, 0.5]]
    rows.write_text(f"text,x,z\n{text},1.5,0.5,7\nshort,1.5,0.5,7\n")
    with pytest.raises(PayloadError, match="rows do not fit the header"):
        read_csv_file(str(rows))
