"""Target type transform: rows in, rows out, as a form."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import pandas as pd
import pytest

from datarobot_drum.drum.prediction.payload.matrix_market import parse_matrix
from tests.contract import hooks
from tests.contract.clients import Answer, file_part
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, in_process

OCTETS = "application/octet-stream"


class Part(NamedTuple):
    filename: str | None
    content_type: str | None
    data: bytes


def parts_of(answer: Answer) -> dict[str, Part]:
    """The parts of an answer by name, in their order."""
    assert answer.status == 200, answer.body
    mimetype, _, boundary = answer.headers["Content-Type"].partition("; boundary=")
    assert mimetype == "multipart/form-data"
    marker = b"--" + boundary.strip('"').encode()
    assert answer.body.startswith(marker + b"\r\n")
    *chunks, end = answer.body.split(marker)[1:]
    assert end in (b"--", b"--\r\n")
    found = [part_of(chunk) for chunk in chunks]
    assert len(dict(found)) == len(found)
    return dict(found)


def part_of(chunk: bytes) -> tuple[str, Part]:
    head, _, data = chunk.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    words = lines["Content-Disposition"].split("; ")
    assert words[0] == "form-data"
    names = dict(word.split("=", 1) for word in words[1:])
    filename = names.get("filename")
    part = Part(filename and filename.strip('"'), lines.get("Content-Type"), data)
    return names["name"].strip('"'), part


@pytest.fixture(scope="session")
def hooked(folders: Folders) -> Folder:
    return folders.make("transform", {"custom.py": hooks.TRANSFORM}).of_type("transform")


@pytest.fixture(scope="session")
def with_target(folders: Folders) -> Folder:
    source = {"custom.py": hooks.TRANSFORM_WITH_TARGET}
    return folders.make("transform_target", {**source}).of_type("transform")


@pytest.fixture(scope="session")
def scaler(folders: Folders) -> Folder:
    from sklearn.preprocessing import StandardScaler

    model = StandardScaler().fit(pd.DataFrame({"a": [0.0, 1, 2], "b": [4.0, 2, 0]}))
    return folders.with_model("scaler", model, "--target-type", "transform")


@pytest.fixture(scope="session")
def one_hot(folders: Folders) -> Folder:
    from sklearn.preprocessing import OneHotEncoder

    model = OneHotEncoder().fit(pd.DataFrame({"t": ["x", "y", "z"]}))
    return folders.with_model("one_hot", model, "--target-type", "transform")


@pytest.mark.parametrize("path", ["/transform/", "/transform"])
def test_answer_is_a_form(serve: Serve, hooked: Folder, path: str) -> None:
    answer = serve(hooked).upload(path, file_part("X", "out:p,out:q,r\n1,x,2\n3,y,4\n", "x.csv"))
    parts = parts_of(answer)
    assert parts == {
        "X.format": Part(None, parts["X.format"].content_type, b"csv"),
        "X.transformed": Part("X.transformed", OCTETS, b"p,q\r\n1,x\r\n3,y"),
    }
    assert list(parts) == ["X.format", "X.transformed"]


def test_raw_body(serve: Serve, hooked: Folder) -> None:
    parts = parts_of(serve(hooked).predict("out:p\n1.5\n", "/transform/"))
    assert parts["X.transformed"].data == b"p\r\n1.5"


def test_numbers_are_written_whole(serve: Serve, hooked: Folder) -> None:
    parts = parts_of(serve(hooked).predict("out:p\n0.7999999999999999\n", "/transform/"))
    assert parts["X.transformed"].data == b"p\r\n0.7999999999999999"


@pytest.mark.parametrize("how", ["hook", "hook with target"])
def test_target_comes_back_as_received(
    serve: Serve, hooked: Folder, with_target: Folder, how: str
) -> None:
    client = serve(hooked if how == "hook" else with_target)
    parts = parts_of(
        client.upload(
            "/transform/",
            file_part("X", "out:p\n1\n2\n", "x.csv"),
            file_part("y", "t\n0.5\n0.25\n", "y.csv"),
        )
    )
    assert list(parts) == ["X.format", "X.transformed", "y.format", "y.transformed"]
    assert parts["y.format"].data == b"csv"
    assert parts["y.transformed"].filename == "y.transformed"
    assert parts["y.transformed"].content_type == OCTETS
    assert pd.read_csv(io.BytesIO(parts["y.transformed"].data))["t"].tolist() == [0.5, 0.25]


def test_hook_with_three_arguments_sees_the_target(serve: Serve, with_target: Folder) -> None:
    client = serve(with_target)
    rows = file_part("X", "a\n1\n", "x.csv")
    parts = parts_of(client.upload("/transform/", rows, file_part("y", "t\n0.5\n", "y.csv")))
    assert parts["X.transformed"].data == b"a,target,model\r\n1,0.5,10"
    parts = parts_of(client.upload("/transform/", rows))
    assert parts["X.transformed"].data == b"a,target,model\r\n1,nothing,10"


def test_sklearn_transformer(serve: Serve, scaler: Folder) -> None:
    parts = parts_of(serve(scaler).predict("a,b\n0.5,1\n3,2\n", "/transform/"))
    header, *rows = parts["X.transformed"].data.decode().split("\r\n")
    assert header == "0,1"
    found = [[float(cell) for cell in row.split(",")] for row in rows]
    frame = pd.DataFrame({"a": [0.5, 3], "b": [1, 2]})
    assert found == scaler.model.transform(frame).tolist()


def sparse_matrix(part: Part) -> Any:
    matrix: Any = parse_matrix(part.data)
    return matrix.toarray()


@in_process
def test_sparse_answer_of_a_transformer(serve: Serve, one_hot: Folder) -> None:
    parts = parts_of(serve(one_hot).predict("t\nx\nz\n", "/transform/"))
    assert list(parts) == ["X.format", "X.transformed", "X.colnames"]
    assert parts["X.format"].data == b"sparse"
    assert sparse_matrix(parts["X.transformed"]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert len(parts["X.colnames"].data.split(b"\n")) == 3


def test_sparse_answer_of_a_hook(serve: Serve, hooked: Folder) -> None:
    rows = "out:p,out:q,do\n1,0,transform:sparse\n0,2,\n"
    parts = parts_of(serve(hooked).predict(rows, "/transform/"))
    assert parts["X.format"].data == b"sparse"
    assert sparse_matrix(parts["X.transformed"]).tolist() == [[1, 0], [0, 2]]
    assert parts["X.colnames"] == Part("X.colnames", OCTETS, b"p\nq")


def test_sparse_rows(serve: Serve, with_target: Folder) -> None:
    matrix = "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 5\n2 2 7\n"
    answer = serve(with_target).upload(
        "/transform/",
        file_part("X", matrix, "x.mtx"),
        file_part("X.colnames", "p\nq\n", "names"),
    )
    assert answer.status == 200
    assert b"p" in parts_of(answer)["X.transformed"].data


FAILURES = {
    "raise": "Model 'transform hook' failed to transform dataset. "
    "Exception: ValueError('the 1 rows are unlucky')",
    "list": "transform must return a dataframe, but received <class 'list'>",
}


@pytest.mark.parametrize("action", FAILURES)
def test_hook_failure(serve: Serve, hooked: Folder, action: str) -> None:
    answer = serve(hooked).predict(f"out:p,do\n1,transform:{action}\n", "/transform/")
    assert (answer.status, answer.message) == (500, f"ERROR: {FAILURES[action]}")


def test_hook_returns_a_pair(serve: Serve, hooked: Folder) -> None:
    answer = serve(hooked).predict("out:p,do\n1,transform:tuple\n", "/transform/")
    assert answer.status == 500
    assert "Transformation of the target variable is not supported by DRUM." in answer.message


@pytest.mark.parametrize("action", ["fewer", "more"])
def test_decision_03_row_counts(serve: Serve, hooked: Folder, action: str) -> None:
    answer = serve(hooked).predict(f"out:p,do\n1,transform:{action}\n2,\n", "/transform/")
    assert answer.status == 500
    assert (
        "Transformation resulted in different number of rows than original data" in answer.message
    )


def test_user_error(serve: Serve, hooked: Folder) -> None:
    answer = serve(hooked).predict("out:p,do\n1,transform:http\n", "/transform/")
    assert (answer.status, answer.message) == (429, "come back tomorrow")
    assert answer.headers["X-Drum-User-Http-Error"] == "true"


def test_request_without_rows(serve: Serve, hooked: Folder) -> None:
    answer = serve(hooked).upload("/transform/", file_part("y", "t\n1\n", "y.csv"))
    assert answer.status == 422
    assert answer.message.startswith("ERROR: Samples should be provided as:   - a csv or mtx under")


@pytest.mark.parametrize("path", ["/predict/", "/predictions", "/invocations"])
def test_predict_of_a_transform_model(serve: Serve, hooked: Folder, path: str) -> None:
    answer = serve(hooked).predict("a\n1\n", path)
    assert answer.status == 422
    assert answer.message == (
        "ERROR: This model has target type 'transform', use the /transform/ endpoint."
    )


def test_hook_with_one_argument(serve: Serve, folders: Folders) -> None:
    source = "def load_model(code_dir):\n    return 1\n\n\ndef transform(data):\n    return data\n"
    folder = folders.make("transform_one", {"custom.py": source}).of_type("transform")
    answer = serve(folder.with_args("--with-error-server")).predict("a\n1\n", "/transform/")
    assert answer.status in (500, 513)
    assert "Transform hook must take 2 or 3 arguments; hook provided takes 1" in answer.message
