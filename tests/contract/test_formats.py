"""Rows as JSON, Arrow and Parquet, and answers in the format that the client accepts."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pandas as pd
import pytest

from tests.contract.clients import Answer, Calls, file_part
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
JSON = "application/json"
FRAME = pd.DataFrame({"a": [1.0, 3.5, 7], "b": [2.0, 4, 0.25]})


def expected(folder: Folder, frame: pd.DataFrame = FRAME) -> list[float]:
    return [float(value) for value in folder.model.predict(frame)]


def json_forms(frame: pd.DataFrame) -> dict[str, Any]:
    records, split = frame.to_dict("records"), frame.to_dict("split")
    return {
        "list of records": records,
        "columns and data": {"columns": split["columns"], "data": split["data"]},
        "split with index": split,
        "dataframe_split": {"dataframe_split": split},
        "dataframe_split without index": {
            "dataframe_split": {"columns": split["columns"], "data": split["data"]}
        },
        "dataframe_records": {"dataframe_records": records},
        "instances": {"instances": records},
        # By position: the model knows what it calls them.
        "instances without names": {"instances": split["data"]},
        "list of lists": split["data"],
    }


@pytest.mark.parametrize("form", json_forms(FRAME))
def test_decision_23_json_rows(serve: Serve, folders: Folders, form: str) -> None:
    body = json.dumps(json_forms(FRAME)[form])
    answer = serve(folders.regression).post("/predict/", body, JSON)
    assert answer.predictions == expected(folders.regression)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_content_types(serve: Serve, folders: Folders, content_type: str) -> None:
    answer = serve(folders.regression).post(
        "/predict/", FRAME.to_json(orient="records"), content_type
    )
    assert answer.predictions == expected(folders.regression)


def test_json_keeps_text_numbers_and_missing_values(serve: Serve, folders: Folders) -> None:
    rows = [{"out:v": "7"}, {"out:v": "caf\u00e9 \U0001f600"}, {"out:v": None}]
    client = serve(folders.echo_of("textgeneration"))
    answer = client.post("/predict/", json.dumps(rows), JSON)
    assert answer.predictions == ["7", "caf\u00e9 \U0001f600", None]


@pytest.mark.parametrize("body", ["[1, 2", "{", "nul", '{"a": NaN', "\x00", "[" * 100_000])
def test_decision_04_malformed_json(serve: Serve, folders: Folders, body: str) -> None:
    client = serve(folders.regression)
    answer = client.post("/predict/", body, JSON)
    assert answer.status == 400
    assert answer.message.startswith("ERROR: ")
    assert client.get("/ping/").status == 200


@pytest.mark.parametrize(
    "content",
    [
        *(1, "text", None, True, [1, 2], {}, {"a": 1}, {"instances": 5}),
        {"columns": ["a", "b"], "data": [[1]]},
        {"columns": "ab", "data": [[1, 2]]},
        {"columns": ["a", "b"]},
        {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
    ],
)
def test_decision_04_json_that_holds_no_rows(serve: Serve, folders: Folders, content: Any) -> None:
    answer = serve(folders.regression).post("/predict/", json.dumps(content), JSON)
    assert answer.status == 422
    assert answer.message.startswith("ERROR: ")


def arrow(frame: pd.DataFrame) -> bytes:
    pa = pytest.importorskip("pyarrow")
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    pytest.importorskip("pyarrow")
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


def test_decision_23_arrow_rows(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).post("/predict/", arrow(FRAME), ARROW)
    assert answer.predictions == expected(folders.regression)


def test_decision_23_parquet_rows(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).post("/predict/", parquet(FRAME), PARQUET)
    assert answer.predictions == expected(folders.regression)


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
@pytest.mark.parametrize("body", [b"nonsense", b"\x00" * 64, b"PAR1PAR1", b"\xff\xff\xff\xff" * 4])
def test_decision_04_broken_binary_rows(
    serve: Serve, folders: Folders, content_type: str, body: bytes
) -> None:
    pytest.importorskip("pyarrow")
    client = serve(folders.regression)
    answer = client.post("/predict/", body, content_type)
    assert answer.status == 422
    assert answer.message.startswith("ERROR: ")
    assert client.get("/ping/").status == 200


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_decision_04_truncated_binary_rows(
    serve: Serve, folders: Folders, content_type: str
) -> None:
    whole = arrow(FRAME) if content_type == ARROW else parquet(FRAME)
    client = serve(folders.regression)
    for end in range(1, len(whole) - 8, max(1, len(whole) // 16)):
        answer = client.post("/predict/", whole[:end], content_type)
        assert answer.status == 422, (end, answer)


def test_hook_reads_other_formats_itself(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.all_hooks).post("/predict/", b"x\n1\n", ARROW)
    assert answer.predictions == [25.0]


# -- answers


def accepting(client: Calls, accept: str, rows: str) -> Answer:
    return client.post("/predict/", rows, "text/csv", {"Accept": accept})


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "", "text/html, */*;q=0.8", "image/png"]
)
def test_json_unless_another_format_is_asked_for(
    serve: Serve, folders: Folders, accept: str
) -> None:
    answer = accepting(serve(folders.regression), accept, "a,b\n1,2\n")
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.predictions) == 1


def test_decision_23_answer_as_csv(serve: Serve, folders: Folders) -> None:
    client = serve(folders.echo_of("regression"))
    answer = accepting(client, "text/csv", "out:Predictions,out:why\n0.7999999999999999,so\n2,\n")
    assert answer.status == 200
    assert answer.headers["Content-Type"].partition(";")[0] == "text/csv"
    assert answer.body == b"Predictions,why\n0.7999999999999999,so\n2.0,\n"


def test_decision_23_answer_as_csv_with_labels(serve: Serve, folders: Folders) -> None:
    client = serve(folders.echo_of("binary"))
    answer = accepting(client, "text/csv", "out:yes,out:no\n0.75,0.25\n")
    assert answer.body == b"yes,no\n0.75,0.25\n"


def test_decision_23_answer_as_arrow(serve: Serve, folders: Folders) -> None:
    pa = pytest.importorskip("pyarrow")
    client = serve(folders.echo_of("binary"))
    answer = accepting(client, ARROW, "out:yes,out:no,out:why\n0.75,0.25,so\n0.5,0.5,\n")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == ARROW
    table = pa.ipc.open_stream(answer.body).read_all().to_pydict()
    assert table == {"yes": [0.75, 0.5], "no": [0.25, 0.5], "why": ["so", None]}


@pytest.mark.parametrize("accept", ["text/csv", ARROW])
def test_errors_stay_json(serve: Serve, folders: Folders, accept: str) -> None:
    answer = accepting(serve(folders.regression), accept, "a,b\nx,1\n")
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.message.startswith("ERROR: ")


def test_decision_23_capabilities_list_the_formats(serve: Serve, folders: Folders) -> None:
    formats = serve(folders.regression).get("/capabilities/").json()["supported_payload_formats"]
    assert {"csv", "mtx", "json"} <= set(formats)


# -- limits


@pytest.mark.parametrize("limit", [{}, {"DRUM_MAX_DECODED_SIZE": "10000"}])
def test_a_body_that_would_become_too_large_is_refused_in_every_format(
    serve: Serve, folders: Folders, limit: dict[str, str]
) -> None:
    client = serve(folders.regression.with_params(**limit))
    records = json.dumps([{f"k{number}": 1} for number in range(6000)])
    short_rows = "a," * 4000 + "b\n" + "1\n" * 8000
    answers = [client.post("/predict/", records, JSON), client.predict(short_rows)]
    assert [answer.status for answer in answers] == [413, 413]
    assert all("(DRUM_MAX_DECODED_SIZE)" in answer.message for answer in answers)
    assert client.predict("a,b\n1,2\n").status == 200


def test_decision_04_body_over_the_limit(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression.with_params(DRUM_MAX_UPLOAD_SIZE="1000"))
    small = "a,b\n" + "1,2\n" * 200
    for body in ("a,b\n" + "1,2\n" * 300, b"\x00" * 1001):
        answer = client.predict(body)
        assert answer.status == 413
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.message.startswith("ERROR: ")
        assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"]
    assert client.predict(small).status == 200
    assert client.upload("/predict/", file_part("X", small, "x.csv")).status == 200
    assert client.upload("/predict/", file_part("X", small + small, "x.csv")).status == 413


def test_large_form_field_is_no_problem(serve: Serve, folders: Folders) -> None:
    note = file_part("note", "x" * 600_000)
    answer = serve(folders.regression).upload(
        "/predict/", note, file_part("X", "a,b\n1,2\n", "x.csv")
    )
    assert answer.status == 200


COMPRESSED = {"Content-Encoding": "gzip"}


def test_decision_04_compressed_rows_are_refused_by_name(serve: Serve, folders: Folders) -> None:
    body = gzip.compress(b"a,b\n1,2\n")
    answer = serve(folders.regression).post("/predict/", body, "text/csv", headers=COMPRESSED)
    assert answer.status == 422
    assert answer.message.startswith("ERROR: The body is compressed (header Content-Encoding)")


def test_a_hook_may_read_compressed_rows(serve: Serve, folders: Folders) -> None:
    client = serve(folders.all_hooks)
    assert client.post("/predict/", b"y;x\n1;2\n", headers=COMPRESSED).predictions == [35.0]
