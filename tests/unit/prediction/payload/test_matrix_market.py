"""Matrix Market rows."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite
from scipy.sparse import random as random_matrix

from datarobot_drum.drum.exceptions import BodyTooLargeError, PayloadError
from datarobot_drum.drum.knobs.predicting import MAX_DECODED
from datarobot_drum.drum.model.predictor import ClassLabels, Dense
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.matrix_market import (
    parse_matrix,
    read_column_names,
    read_matrix_market,
)
from datarobot_drum.drum.prediction.payload.structured import MTX, read_rows
from tests.unit.prediction.payload.test_structured import _predictor

HEADER = b"%%MatrixMarket matrix coordinate real general\n"
BODY = HEADER + b"2 3 2\n1 1 5\n2 3 1.5\n"


def test_becomes_a_sparse_frame() -> None:
    frame = read_matrix_market(BODY)
    assert list(frame.columns) == [0, 1, 2]
    assert all(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes)
    assert frame.to_numpy().tolist() == [[5.0, 0.0, 0.0], [0.0, 0.0, 1.5]]


def test_names() -> None:
    frame = read_matrix_market(memoryview(BODY), ["x", "y", "z"])
    assert list(frame.columns) == ["x", "y", "z"]


def test_reads_what_scipy_writes() -> None:
    matrix = random_matrix(20, 7, density=0.3, random_state=0)
    sink = io.BytesIO()
    mmwrite(sink, matrix, precision=17)
    np.testing.assert_array_equal(read_matrix_market(sink.getvalue()), matrix.toarray())


def test_dense_layout() -> None:
    body = b"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n"
    assert read_matrix_market(body).to_numpy().tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_names_must_fit() -> None:
    with pytest.raises(PayloadError, match=r"^Column length mismatch: 2 vs\. 3$"):
        read_matrix_market(BODY, ["x", "y"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Line 1: Not a Matrix Market file. Missing banner."),
        (b"a,b\n1,2\n", "Line 1: Not a Matrix Market file. Missing banner."),
        (b"%%MatrixMarket secret\n2 2\n1\n", "Line 1: Not a valid Matrix Market file."),
        (HEADER + b"2 3 1\n1 1 secret\n", "Line 3: Not a valid Matrix Market file."),
        (HEADER + b"2 3 1\n9 9 1.0\n", "Line 3: Not a valid Matrix Market file."),
        (HEADER + b"2 3 900000000\n1 1 1\n", "The matrix has fewer entries than its header says."),
        (
            b"%%MatrixMarket matrix array real general\n9000000 90000\n1\n",
            "The matrix has fewer entries than its header says.",
        ),
    ],
)
def test_refusals(body: bytes, text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read_matrix_market(body)
    assert str(caught.value) == text


def test_column_file() -> None:
    assert read_column_names("a\r\n b \né\n".encode()) == ["a", "b", "é"]
    with pytest.raises(PayloadError, match="UTF-8"):
        read_column_names(b"\xff")


# Each of these ended the process in scipy's own reader, at once or after some repetitions.
MURDEROUS = [
    b"array real skew-symmetric\n2 2\n1 1 1\n\n1 1 1e999",
    b"array real general\n2 3\n1 2\r1 2\r1 2\r2.5\r1 2\r1 2\r2.5\r1 2\r1 2",
    b"array real general\n0 0\n\r\n\n",
    b"array complex skew-symmetric\n3 3\n2.5\r1\r2.5\r5x\r5x",
    b"coordinate real skew-symmetric\n2 2 1\n1 1 1 1 1 1 1 1 1 1 1 1",
    b"coordinate pattern symmetric\n2 2 2\n1 1\x0b2.5\x0b1 1\x0b1 1\x0b1 1",
    b"coordinate real hermitian\n1 1 8\n1 1 2.5 1 1 1 2.5 1 1 1 1 1 1 2.5 1 1 1",
]


@pytest.mark.parametrize("content", MURDEROUS)
def test_no_body_ends_the_process(content: bytes) -> None:
    """In a process of its own, which is what would end."""
    code = (
        "import sys\n"
        "from datarobot_drum.drum.exceptions import PayloadError\n"
        "from datarobot_drum.drum.prediction.payload.matrix_market import read_matrix_market\n"
        "body = sys.stdin.buffer.read()\n"
        "for _ in range(300):\n"
        "    try:\n"
        "        read_matrix_market(body)\n"
        "    except PayloadError:\n"
        "        pass\n"
    )
    body = b"%%MatrixMarket matrix " + content
    done = subprocess.run(
        [sys.executable, "-c", code], input=body, stderr=subprocess.PIPE, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("field", ["real", "integer"])
@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
def test_a_dense_matrix_is_what_scipy_makes_of_it(field: str, symmetry: str) -> None:
    cells = {"general": 9, "symmetric": 6, "skew-symmetric": 3}[symmetry]
    values = "\n".join(str(cell + 1) for cell in range(cells))
    body = f"%%MatrixMarket matrix array {field} {symmetry}\n3 3\n{values}\n".encode()
    np.testing.assert_array_equal(read_matrix_market(body).to_numpy(), parse_matrix(body))


LIMIT = 8 * 2**20


@pytest.mark.parametrize(
    ("dense", "rows"), [(Dense.NEVER, 60_000), (Dense.IN_PIECES, 15_000), (Dense.AT_ONCE, 900)]
)
def test_sparse_rows_count_as_the_model_takes_them(dense: Dense, rows: int) -> None:
    def of(rows: int) -> PredictRequest:
        text = f"%%MatrixMarket matrix coordinate real general\n{rows} 1000 1\n1 1 2\n"
        return PredictRequest(text.encode(), MTX)

    predictor, limit = _predictor(dense=dense), LIMIT
    assert read_rows(of(rows), predictor, limit=limit)[0].shape == (rows, 1000)
    if dense is not Dense.NEVER:
        with pytest.raises(BodyTooLargeError, match=MAX_DECODED):
            read_rows(of(rows + rows // 5), predictor, limit=limit)
    assert read_rows(of(rows + rows // 5), predictor)[0].shape[1] == 1000


LABELS = ClassLabels(tuple(map(str, range(100))))


@pytest.mark.parametrize(("labels", "most"), [(None, 174_762), (LABELS, 1_747)])
def test_rows_that_nobody_has_sent_count_as_their_answers(
    labels: ClassLabels | None, most: int
) -> None:
    def of(rows: int) -> Any:
        text = f"%%MatrixMarket matrix coordinate real general\n{rows} 2 1\n1 1 2\n"
        request = PredictRequest(text.encode(), MTX)
        return read_rows(request, _predictor(labels=labels), limit=LIMIT)[0]

    assert of(most).shape == (most, 2)
    with pytest.raises(BodyTooLargeError, match=MAX_DECODED):
        of(most + 1)
    sent = PredictRequest(b"a,b\n" + b"1,2\n" * (most + 1), "text/csv")
    assert len(read_rows(sent, _predictor(labels=labels), limit=LIMIT)[0]) == most + 1
