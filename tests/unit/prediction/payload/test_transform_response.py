"""The form that answers /transform/."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, eye

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.prediction.payload.matrix_market import parse_matrix
from datarobot_drum.drum.prediction.payload.multipart import Part, parse_multipart
from datarobot_drum.drum.prediction.payload.transform_response import transform_response


def _parts(response: PredictResponse) -> list[Part]:
    assert isinstance(response.body, bytes)
    return parse_multipart(response.body, response.content_type)


def test_bytes_on_the_wire() -> None:
    frame = pd.DataFrame({" a\nb ": [1, 2], "c": ["é,", None]}, index=[5, 6])
    response = transform_response(frame, pd.DataFrame({"t": [1.5]}))
    boundary = re.fullmatch("multipart/form-data; boundary=(.+)", response.content_type)
    assert boundary is not None
    file = 'filename="{0}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    head = "--B\r\nContent-Disposition: form-data; name="
    expected = (
        f'{head}"X.format"\r\n\r\ncsv\r\n'
        f'{head}"X.transformed"; {file.format("X.transformed")}a\\nb,c\r\n1,"é,"\r\n2,\r\n'
        f'{head}"y.format"\r\n\r\ncsv\r\n'
        f'{head}"y.transformed"; {file.format("y.transformed")}t\r\n1.5\r\n'
        "--B--\r\n"
    )
    assert response.body == expected.replace("--B", f"--{boundary[1]}").encode()


def test_without_target() -> None:
    frame = pd.DataFrame(np.array([[1.0, 2.0]]))
    parts = _parts(transform_response(frame, None))
    assert [part.name for part in parts] == ["X.format", "X.transformed"]
    assert parts[1].data == b"0,1\r\n1.0,2.0"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame.sparse.from_spmatrix(csr_matrix([[0, 1.5], [2, 0]]), columns=["p", " q\nr"]),
        pd.DataFrame({"p": [csr_matrix([[0, 1.5]]), csr_matrix([[2.0, 0]])]}),
    ],
)
def test_sparse(frame: pd.DataFrame) -> None:
    parts = {part.name: part for part in _parts(transform_response(frame, None))}
    assert list(parts) == ["X.format", "X.transformed", "X.colnames"]
    assert parts["X.format"].data == b"sparse"
    matrix = parse_matrix(parts["X.transformed"].data)
    assert matrix.toarray().tolist() == [[0.0, 1.5], [2.0, 0.0]]
    names = bytes(parts["X.colnames"].data).decode().split("\n")
    assert names == (["p", "q\\nr"] if frame.shape[1] == 2 else ["p"])


def test_sparse_output_may_be_symmetric() -> None:
    frame = pd.DataFrame.sparse.from_spmatrix(eye(2, format="csr"))
    parts = _parts(transform_response(frame, None))
    assert bytes(parts[1].data).startswith(b"%%MatrixMarket matrix coordinate real symmetric\n")


@pytest.mark.parametrize("names", [["", " "], ["a", "\n"]])
def test_blank_names(names: list[str]) -> None:
    with pytest.raises(ModelError, match="^Column name serialization check failed, "):
        transform_response(pd.DataFrame([[1, 2]], columns=names), None)


def test_no_rows() -> None:
    parts = _parts(transform_response(pd.DataFrame({"a": []}), None))
    assert parts[1].data == b"a"
