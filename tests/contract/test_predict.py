"""Rows in, predictions out: artifacts without hooks, and every way to send the rows."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from tests.contract.clients import Answer, Calls, file_part
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve

ROWS = "a,b\n1,2\n3.5,4\n7,0.25\n"
SAMPLES = (
    "ERROR: Samples should be provided as:   - a csv or mtx under `X` form-data param key."
    "  - binary data"
)


def frame_of(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def expected(folder: Folder, text: str = ROWS) -> list[float]:
    return [float(value) for value in folder.model.predict(frame_of(text))]


# -- target types


def test_regression(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).predict(ROWS)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"predictions": expected(folders.regression)}
    assert b" " not in answer.body
    assert not answer.body.endswith(b"\n")


def test_anomaly(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.anomaly).predict(ROWS)
    assert answer.predictions == expected(folders.anomaly)


def test_binary(serve: Serve, folders: Folders) -> None:
    model = folders.binary.model
    answer = serve(folders.binary).predict(ROWS)
    probabilities = model.predict_proba(frame_of(ROWS)).tolist()
    assert answer.predictions == [{"no": no, "yes": yes} for no, yes in probabilities]


def test_multiclass(serve: Serve, folders: Folders) -> None:
    model = folders.multiclass.model
    answer = serve(folders.multiclass).predict(ROWS)
    probabilities = model.predict_proba(frame_of(ROWS)).tolist()
    assert answer.predictions == [
        dict(zip(model.classes_, row, strict=True)) for row in probabilities
    ]


def test_labels_come_in_the_models_own_order(serve: Serve, folders: Folders) -> None:
    (first, *_) = serve(folders.multiclass).predict(ROWS).predictions
    assert list(first) == ["low", "mid", "top"]


def test_decision_02_integers_stay_numbers_with_a_fraction(serve: Serve, folders: Folders) -> None:
    body = serve(folders.anomaly).predict(ROWS).body
    assert body == b'{"predictions":[%s]}' % b",".join(
        str(value).encode() for value in expected(folders.anomaly)
    )
    assert b"1.0" in body


@pytest.mark.parametrize("route", ["/predict/", "/predictions/", "/invocations"])
def test_every_predict_route_gives_the_same(serve: Serve, folders: Folders, route: str) -> None:
    client = serve(folders.regression)
    assert client.predict(ROWS, route).body == client.predict(ROWS).body


def test_the_query_string_is_ignored(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    assert client.predict(ROWS, "/predict/?a=1&b").body == client.predict(ROWS).body


def test_one_row(serve: Serve, folders: Folders) -> None:
    text = "a,b\n1.5,2\n"
    assert serve(folders.regression).predict(text).predictions == expected(folders.regression, text)


def test_many_rows(serve: Serve, folders: Folders) -> None:
    text = "a,b\n" + "".join(f"{i / 7},{i}\n" for i in range(20_000))
    answer = serve(folders.regression).predict(text)
    assert answer.predictions == expected(folders.regression, text)


# -- ways to send rows


@pytest.mark.parametrize(
    "content_type", ["", "text/csv", "text/plain", "TEXT/CSV", "text/csv; charset=utf-8"]
)
def test_raw_body(serve: Serve, folders: Folders, content_type: str) -> None:
    answer = serve(folders.regression).post("/predict/", ROWS, content_type or None)
    assert answer.predictions == expected(folders.regression)


def test_the_charset_of_a_csv_is_not_used(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).post("/predict/", ROWS, "text/csv; charset=utf-16")
    assert answer.predictions == expected(folders.regression)


@pytest.mark.parametrize("filename", ["rows.csv", "rows", "rows.json", "r\u00e9sum\u00e9.csv"])
def test_file_part(serve: Serve, folders: Folders, filename: str) -> None:
    answer = serve(folders.regression).upload("/predict/", file_part("X", ROWS, filename))
    assert answer.predictions == expected(folders.regression)


def test_the_content_type_of_the_part_is_ignored(serve: Serve, folders: Folders) -> None:
    part = file_part("X", ROWS, "rows.csv").replace(
        b"\r\n\r\n", b"\r\nContent-Type: application/octet-stream\r\n\r\n", 1
    )
    answer = serve(folders.regression).upload("/predict/", part)
    assert answer.predictions == expected(folders.regression)


def test_other_parts_are_ignored(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).upload(
        "/predict/",
        file_part("other", "a,b\n9,9\n", "other.csv"),
        file_part("note", "hello"),
        file_part("X", ROWS, "rows.csv"),
        file_part("X.colnames", "nonsense", "names"),
    )
    assert answer.predictions == expected(folders.regression)


def no_rows(client: Calls, what: str) -> Answer:
    if what == "nothing":
        return client.post("/predict/")
    if what == "nothing as csv":
        return client.post("/predict/", b"", "text/csv")
    if what == "plain field":
        return client.upload("/predict/", file_part("X", ROWS))
    if what == "wrong key":
        return client.upload("/predict/", file_part("x", ROWS, "rows.csv"))
    return client.post("/predict/", "X=1", "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    "what", ["nothing", "nothing as csv", "plain field", "wrong key", "url-encoded form"]
)
def test_request_without_rows(serve: Serve, folders: Folders, what: str) -> None:
    answer = no_rows(serve(folders.regression), what)
    assert answer.status == 422
    text, header, advice = answer.message.partition(". The body was sent as a form")
    assert text == SAMPLES
    assert bool(header) is (what == "url-encoded form")
    assert not advice or "'Content-Type: text/csv'" in advice
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "image/png", "text/html"])
def test_format_that_cannot_be_read(serve: Serve, folders: Folders, content_type: str) -> None:
    answer = serve(folders.regression).post("/predict/", ROWS, content_type)
    assert answer.status == 422
    assert answer.message == (
        f"ERROR: payload format `{content_type}` is not supported by predictor/transformer. "
        "Make DRUM support the format or implement `read_input_data` hook to read the data. "
    )


# -- what is in the CSV


def echoed(client: Calls, text: str | bytes) -> list[object]:
    """What the model found in the column named v."""
    return client.predict(text).predictions


def text_model(folders: Folders) -> Folder:
    return folders.echo_of("textgeneration")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("out:v\nx\n", ["x"]),
        ("out:v\r\nx\r\n", ["x"]),
        ("out:v\nx", ["x"]),
        ("\ufeffout:v\nx\n", ["x"]),
        ('out:v\n"a,b"\n"say ""hi"""\n', ["a,b", 'say "hi"']),
        ('out:v\n"two\nlines"\n', ["two\nlines"]),
        ("out:v\n\u017eeton \U0001f600\n", ["\u017eeton \U0001f600"]),
        ("out:v\n x \n", [" x "]),
        ("out:v\nNA\nx\nnull\nN/A\nNaN\n", [None, "x", None, None, None]),
        ("out:v\nx\n\ny\n", ["x", None, "y"]),
        ("out:v,w\nx,1\n\ny,2\n", ["x", "y"]),
        ("out:v,w\nx,1\n,2\n", ["x", None]),
        ("out:v\n1\n2\n", [1, 2]),
        ("out:v\n1\nx\n", ["1", "x"]),
        ("out:v\nTrue\nFalse\n", [True, False]),
        # A comma behind every row.
        ("w,out:v\n1,2,\n3,4,\n", [2, 4]),
    ],
)
def test_csv_is_read_as_pandas_reads_it(
    serve: Serve, folders: Folders, text: str, found: list[object]
) -> None:
    assert echoed(serve(text_model(folders)), text) == found


@pytest.mark.parametrize("how", ["raw", "part"])
@pytest.mark.parametrize("rows", ["1,2,secret\n4,5,6\n", "1,2,\n4,5,secret\n", "0,1,2\n1,1,2\n"])
def test_decision_25_rows_longer_than_the_header_are_refused(
    serve: Serve, folders: Folders, rows: str, how: str
) -> None:
    client, body = serve(folders.regression), f"a,b\n{rows}".encode()
    part = file_part("X", body, "rows.csv")
    answer = client.predict(body) if how == "raw" else client.upload("/predict/", part)
    assert answer.status == 422
    assert "rows do not fit the header: Expected 2 fields in line" in answer.message
    assert "secret" not in answer.message


@pytest.mark.parametrize("how", ["raw", "part"])
@pytest.mark.parametrize(
    "body",
    ["a,b\n\u00e9,1\n".encode("latin-1"), "a,b\n1,2\n".encode("utf-16"), b"a\n\xff\xfe\x00"],
)
def test_decision_04_csv_that_is_not_utf8(
    serve: Serve, folders: Folders, body: bytes, how: str
) -> None:
    client = serve(folders.regression)
    part = file_part("X", body, "rows.csv")
    answer = client.predict(body) if how == "raw" else client.upload("/predict/", part)
    assert answer.status == 422
    assert answer.message == "ERROR: Supplied CSV input file encoding must be UTF-8."


def test_decision_04_ragged_csv_is_not_echoed(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).predict("a,b\n1,2\n1,2,secret,4\n")
    assert answer.status == 422
    assert answer.message.startswith("ERROR: Pandas failed to read input binary data")
    assert "secret" not in answer.message
    assert "b'" not in answer.message


def test_decision_04_empty_file_part(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).upload("/predict/", file_part("X", b"", "rows.csv"))
    assert (answer.status, answer.message) == (422, "ERROR: No columns to parse from file")


@pytest.mark.parametrize("body", ["\n", "\n\n\n"])
def test_decision_04_blank_body(serve: Serve, folders: Folders, body: str) -> None:
    answer = serve(folders.regression).predict(body)
    assert (answer.status, answer.message) == (422, "ERROR: No columns to parse from file")


@pytest.mark.parametrize(
    "body",
    [
        b"--the-boundary",
        b"--the-boundary\r\n",
        b'--the-boundary\r\nContent-Disposition: form-data; name="X"; filename="a"\r\n\r\na,b\r\n1',
        b"\x00\xff" * 50,
    ],
)
def test_decision_04_broken_form(serve: Serve, folders: Folders, body: bytes) -> None:
    content_type = "multipart/form-data; boundary=the-boundary"
    answer = serve(folders.regression).post("/predict/", body, content_type)
    assert answer.status in (400, 422)
    assert answer.message.startswith("ERROR: ")


def test_decision_04_form_without_boundary(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.regression).post("/predict/", b"--x\r\n", "multipart/form-data")
    assert answer.status in (400, 422)
    assert answer.message.startswith("ERROR: ")


# -- what the model makes of it


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("a,b\nx,1\n", "ERROR: Column 'a' holds 'x' in row 1. The model says: could not convert"),
        (
            "a,b\n,1\n",
            "ERROR: Values are missing in column 'a', the first in row 1. The model says",
        ),
    ],
)
def test_decision_04_values_that_the_model_cannot_use(
    serve: Serve, folders: Folders, rows: str, text: str
) -> None:
    answer = serve(folders.regression).predict(rows)
    assert answer.status == 422
    assert answer.message.startswith(text)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("c,d\n1,2\n", "columns 'a', 'b' of the model are missing; columns 'c', 'd' not known"),
        ("a\n1\n", "column 'b' of the model is missing."),
        ("a,b,c\n1,2,3\n", "column 'c' not known to the model."),
        ("a,b \n1,2\n", "Did you mean 'b' by 'b '?"),
        ("a,b\n", "There are no rows to predict, only columns."),
    ],
    ids=["other names", "missing", "unknown", "misspelt", "no rows"],
)
def test_decision_04_rows_without_the_models_columns(
    serve: Serve, folders: Folders, rows: str, text: str
) -> None:
    answer = serve(folders.regression).predict(rows)
    assert answer.status == 422
    assert answer.message.startswith("ERROR: ")
    assert text in answer.message


def test_columns_are_taken_by_name(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    turned = pd.read_csv(io.StringIO(ROWS))[["b", "a"]].to_csv(index=False)
    assert client.predict(turned).predictions == expected(folders.regression)


def test_a_failure_leaves_the_server_serving(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    for rows in ("c\n1\n", "a,b\n1,2\n1,2,3\n", "", "a,b\nx,y\n"):
        assert client.predict(rows).status >= 400
    assert client.predict(ROWS).predictions == expected(folders.regression)


@pytest.mark.parametrize("path", ["/transform/", "/transform"])
def test_transform_of_another_target_type(serve: Serve, folders: Folders, path: str) -> None:
    answer = serve(folders.regression).predict(ROWS, path)
    assert answer.status == 422
    assert answer.message == (
        "ERROR: This model has target type TargetType.REGRESSION, use the /predict/ endpoint."
    )


@pytest.mark.parametrize("path", ["/predictUnstructured/", "/predictionsUnstructured"])
def test_unstructured_of_another_target_type(serve: Serve, folders: Folders, path: str) -> None:
    answer = serve(folders.binary).predict(ROWS, path)
    assert answer.status == 422
    assert answer.message == (
        "ERROR: This model has target type TargetType.BINARY, "
        "use either /predict/ or /predictions/ endpoint."
    )
