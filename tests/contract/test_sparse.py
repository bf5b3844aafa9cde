"""Matrix Market rows, with and without column names."""

from __future__ import annotations

import pytest

from tests.contract.clients import Answer, file_part
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve

MATRIX = (
    "%%MatrixMarket matrix coordinate real general\n% a comment\n2 3 3\n1 1 1.5\n1 3 2\n2 2 -4.25\n"
)
DENSE = "%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n"

HOOKS = """
import pandas as pd


def load_model(code_dir):
    return 1


def score(data, model, **kwargs):
    return pd.DataFrame(
        {
            "Predictions": data.to_numpy().sum(axis=1),
            "names": "|".join(map(str, data.columns)),
            "sparse": all(isinstance(dtype, pd.SparseDtype) for dtype in data.dtypes),
            "colnames": str(kwargs["sparse_colnames"]),
            "mimetype": str(kwargs["mimetype"]),
        }
    )
"""


@pytest.fixture(scope="session")
def folder(folders: Folders) -> Folder:
    return folders.make("sparse", {"custom.py": HOOKS}).of_type("regression")


def extra(answer: Answer) -> dict[str, object]:
    assert answer.status == 200, answer.body
    output = answer.json()["extraModelOutput"]
    return dict(zip(output["columns"], output["data"][0], strict=True))


def test_matrix_with_column_names(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).upload(
        "/predict/", file_part("X", MATRIX, "rows.mtx"), file_part("X.colnames", "p\n q \nr", "n")
    )
    assert answer.predictions == [3.5, -4.25]
    found = extra(answer)
    assert (found["names"], found["sparse"]) == ("p|q|r", True)
    assert found["colnames"] == "['p', 'q', 'r']"


def test_matrix_without_column_names(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).upload("/predict/", file_part("X", MATRIX, "rows.mtx"))
    assert answer.predictions == [3.5, -4.25]
    assert extra(answer)["names"] == "0|1|2"


@pytest.mark.parametrize("content_type", ["text/mtx", "text/mtx; charset=utf-8"])
def test_raw_matrix(serve: Serve, folder: Folder, content_type: str) -> None:
    answer = serve(folder).post("/predict/", MATRIX, content_type)
    assert answer.predictions == [3.5, -4.25]


def test_extension_in_upper_case_is_no_matrix(serve: Serve, folders: Folders) -> None:
    rows = file_part("X", "a,b\n1,2\n", "ROWS.MTX")
    assert serve(folders.regression).upload("/predict/", rows).status == 200


@pytest.mark.parametrize(("names", "count"), [("p\nq", 2), ("p\nq\nr\ns\n", 4)])
def test_decision_04_wrong_number_of_names(
    serve: Serve, folder: Folder, names: str, count: int
) -> None:
    answer = serve(folder).upload(
        "/predict/", file_part("X", MATRIX, "rows.mtx"), file_part("X.colnames", names, "n")
    )
    assert answer.status == 422
    assert answer.message.startswith("ERROR: Column length mismatch: ")
    assert str(count) in answer.message
    assert "3" in answer.message


def test_decision_04_names_that_are_not_utf8(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).upload(
        "/predict/", file_part("X", MATRIX, "rows.mtx"), file_part("X.colnames", b"\xff", "n")
    )
    assert answer.status == 422


@pytest.mark.parametrize("how", ["raw", "part"])
def test_decision_04_not_a_matrix(serve: Serve, folder: Folder, how: str) -> None:
    client = serve(folder)
    if how == "raw":
        answer = client.post("/predict/", "a,b\n1,2\n", "text/mtx")
    else:
        answer = client.upload("/predict/", file_part("X", "a,b\n1,2\n", "x.mtx"))
    assert answer.status == 422
    assert answer.message == "ERROR: Line 1: Not a Matrix Market file. Missing banner."


@pytest.mark.parametrize(
    "matrix",
    [
        MATRIX.replace("2 3 3", "2 3 9"),
        MATRIX.replace("1 1 1.5", "9 9 1.5"),
        MATRIX.replace("1.5", "x"),
        MATRIX.replace("real", "imaginary"),
        "%%MatrixMarket",
        "%%MatrixMarket matrix coordinate real general\n",
        "",
    ],
)
def test_decision_04_broken_matrix(serve: Serve, folder: Folder, matrix: str) -> None:
    client = serve(folder)
    answer = client.upload("/predict/", file_part("X", matrix, "x.mtx"))
    assert answer.status == 422
    assert answer.message.startswith("ERROR: ")
    assert client.upload("/predict/", file_part("X", MATRIX, "x.mtx")).status == 200


def test_a_matrix_that_announces_more_than_a_table_may_take(serve: Serve, folder: Folder) -> None:
    client = serve(folder)
    matrix = "%%MatrixMarket matrix coordinate real general\n999999999999 999999999999 1\n1 1 1\n"
    answer = client.upload("/predict/", file_part("X", matrix, "x.mtx"))
    assert answer.status == 413
    assert client.upload("/predict/", file_part("X", MATRIX, "x.mtx")).status == 200


def test_dense_matrix(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).upload("/predict/", file_part("X", DENSE, "rows.mtx"))
    assert answer.predictions == [4, 6]
