"""`drum score` on real folders: a file in, bytes out."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import PayloadError, RequestError
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.structured import read_rows
from datarobot_drum.drum.scoring.score_file import score_file
from datarobot_drum.drum.settings import ScoreSettings
from tests.unit.folders import load, write_folder

MATRIX = "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 5\n2 2 7\n"
ECHO = "def score(data, model, **kwargs):\n    return data\n"
KEYWORDS = """
    def score(data, model, **kwargs):
        assert "charset" not in kwargs
        names = ",".join(kwargs["sparse_colnames"] or ["none"])
        columns = ",".join(map(str, data.columns))
        return pd.DataFrame({
            "Predictions": [0.5] * len(data), "m": str(kwargs["mimetype"]), "n": names, "c": columns
        })
"""
UNSTRUCTURED = """
    def score_unstructured(model, data, **kwargs):
        assert "headers" not in kwargs
        what = kwargs["query"].get("return", "seen")
        seen = f"{data!r} {kwargs['mimetype']} {kwargs.get('charset')}"
        return {
            "seen": seen, "none": None, "bytes": b"\\xff", "latin": ("é", {"charset": "latin-1"})
        }[what]
"""


def score(
    tmp_path: Path,
    target_type: str,
    custom: str,
    content: str | bytes,
    name: str = "in.csv",
    /,
    **options: Any,
) -> bytes:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    names = {"target_name": "answer"} if target_type == "textgeneration" else {}
    folder = write_folder(tmp_path / "model", custom)
    written = io.BytesIO()
    score_file(load(folder, target_type, **names), ScoreSettings(str(file), **options))(written)
    return written.getvalue()


@pytest.mark.parametrize("target_type", ["regression", "anomaly"])
def test_numbers_keep_their_dtype(tmp_path: Path, target_type: str) -> None:
    assert score(tmp_path, target_type, ECHO, "v\n3\n4\n") == b"Predictions\n3\n4\n"


def test_probabilities_and_extra_output(tmp_path: Path) -> None:
    written = score(tmp_path, "binary", ECHO, "why,no,yes\nx,0.25,0.75\n,1,0\n")
    assert written == b"no,yes,why\n0.25,0.75,x\n1.0,0.0,\n"


def test_text(tmp_path: Path) -> None:
    written = score(tmp_path, "textgeneration", ECHO, 'answer\n"a, b"\n')
    assert written == b'Predictions\n"a, b"\n'


def test_transformed_rows_come_as_returned(tmp_path: Path) -> None:
    custom = "def transform(data, model):\n    return data.rename(columns={'a': ' x '})\n"
    assert score(tmp_path, "transform", custom, "a,b\n1,0.5\n") == b" x ,b\n1,0.5\n"


def test_sparse_file(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("p\n q \n")
    with_names = {"sparse_column_file": str(names)}
    written = score(tmp_path, "regression", KEYWORDS, MATRIX, "in.mtx", **with_names)
    assert written.splitlines()[1] == b'0.5,text/mtx,"p,q","p,q"'
    assert b'0.5,text/mtx,none,"0,1"' in score(tmp_path, "regression", KEYWORDS, MATRIX, "in.mtx")
    names.write_text("p\n")
    told = rf"^{tmp_path}/in\.mtx with the columns of {names}: Column length mismatch: 1 vs\. 2$"
    with pytest.raises(PayloadError, match=told):
        score(tmp_path, "regression", KEYWORDS, MATRIX, "in.mtx", **with_names)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("in.csv", "a\n1\n1,2\n", "rows do not fit the header: Expected 1 fields in line 3, saw 2"),
        ("in.json", "[{", "The body is not valid JSON: line 1 column 3"),
        ("in.mtx", "1 2\n", "Line 1: Not a Matrix Market file"),
    ],
)
def test_what_is_wrong_with_rows_names_their_file(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    with pytest.raises(RequestError, match=f"^{tmp_path}/{name}: .*{told}"):
        score(tmp_path, "regression", ECHO, content, name)


def test_an_extension_in_capitals_is_the_same(tmp_path: Path) -> None:
    assert score(tmp_path, "regression", ECHO, '[{"v": 2}]', "in.JSON") == b"Predictions\n2\n"


def test_names_for_sparse_columns_that_are_not_used_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = tmp_path / "names"
    names.write_text("p\n")
    with caplog.at_level(logging.WARNING, logger="drum"):
        score(tmp_path, "regression", KEYWORDS, "a\n1\n", sparse_column_file=str(names))
    told = "--sparse-column-file is for .mtx files: it is not used for"
    assert [told in message for message in caplog.messages] == [True]


@pytest.mark.parametrize("name", ["in.csv", "in.txt", "in", "in.MTX"])
def test_any_other_file_is_csv_of_no_type(tmp_path: Path, name: str) -> None:
    written = score(tmp_path, "regression", KEYWORDS, "a\n1\n", name)
    assert written.splitlines()[1] == b"0.5,None,none,a"


def test_json_arrow_and_parquet_files(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"v": [1.5, 2.5]})
    table = pyarrow.Table.from_pandas(frame)
    arrow, parquet = io.BytesIO(), io.BytesIO()
    with pyarrow.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    frame.to_parquet(parquet)
    for name, content in (
        ("in.json", b'[{"v": 1.5}, {"v": 2.5}]'),
        ("in.arrow", arrow.getvalue()),
        ("in.parquet", parquet.getvalue()),
    ):
        written = score(tmp_path, "regression", ECHO, content, name)
        assert written == b"Predictions\n1.5\n2.5\n", name


def test_agrees_with_a_request(tmp_path: Path) -> None:
    csv = "v\n0.1\n\n1e-320\n123456789.123456789\n"
    written = score(tmp_path, "regression", ECHO, csv)
    predictor = load(tmp_path / "model", "regression")
    online = predictor.predict(*read_rows(PredictRequest(csv.encode(), "text/csv"), predictor))
    found = [float(line or "nan") for line in written.decode().replace('""', "").split("\n")[1:-1]]
    assert list(map(repr, found)) == list(map(repr, online.values[:, 0].tolist()))


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({}, "'café' text/plain utf-8"),
        ({"content_type": "application/json"}, "'café' application/json utf-8"),
        ({"content_type": "image/png"}, "b'caf\\xc3\\xa9' image/png None"),
        ({"query": "return=none"}, "Return value from prediction is: None (NULL in R)"),
    ],
)
def test_unstructured(tmp_path: Path, options: dict[str, str], written: str) -> None:
    assert score(tmp_path, "unstructured", UNSTRUCTURED, "café", **options).decode() == written


def test_unstructured_bytes_and_charsets(tmp_path: Path) -> None:
    assert score(tmp_path, "unstructured", UNSTRUCTURED, "", query="return=bytes") == b"\xff"
    assert score(tmp_path, "unstructured", UNSTRUCTURED, "", query="return=latin") == b"\xe9"


def test_unreadable_input(tmp_path: Path) -> None:
    predictor = load(write_folder(tmp_path, ECHO), "regression")
    with pytest.raises(PayloadError, match="cannot be read"):
        score_file(predictor, ScoreSettings(str(tmp_path / "missing.csv")))
