"""Sparse rows: Matrix Market text and its column names."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body

if TYPE_CHECKING:
    import pandas as pd

# A few bytes may claim any size: what a frame of that shape would take, not the body, counts.
MAX_ROWS = 10_000_000
MAX_COLUMNS = 2**20
_LINE = re.compile(r"Line \d+")


def read_matrix_market(body: Body, colnames: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Matrix Market body as a sparse frame.

    Args:
        body: the text, coordinate or array.
        colnames: one name per column; 0, 1, 2, … without.

    Raises:
        PayloadError: no Matrix Market text, names that do not fit, or scipy is missing.
    """
    import pandas as pd

    matrix = _read_matrix(body)
    if colnames is not None and len(colnames) != matrix.shape[1]:
        raise PayloadError(f"Column length mismatch: {len(colnames)} vs. {matrix.shape[1]}")
    # An accessor that the stubs do not know.
    sparse: Any = pd.DataFrame.sparse
    frame: pd.DataFrame = sparse.from_spmatrix(matrix, columns=colnames)
    return frame


def read_column_names(data: Body) -> list[str]:
    """The lines of a column file, stripped.

    Raises:
        PayloadError: not UTF-8.
    """
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError("The sparse column names are not UTF-8.") from error
    return [line.strip() for line in text.splitlines()]


def parse_matrix(body: Body) -> Any:
    """What scipy makes of a Matrix Market body: a sparse matrix, or an array of a dense one.

    Raises:
        ValueError, OverflowError, TypeError: it is none.
    """
    from scipy.io import mmread

    # Newer versions warn that they will make another class of it one day; older have no choice.
    has_choice = "spmatrix" in inspect.signature(mmread).parameters
    read: Any = partial(mmread, spmatrix=True) if has_choice else mmread
    return read(io.BytesIO(body))


def _read_matrix(body: Body) -> Any:
    try:
        from scipy.io import mminfo
        from scipy.sparse import coo_matrix
    except ImportError as error:
        raise PayloadError("Matrix Market needs scipy: pip install scipy") from error
    try:
        rows, columns, entries, layout, *_ = mminfo(io.BytesIO(body))
        _check_size(rows, columns)
        # "1 1\n" is the shortest entry of the one; the other may be half a matrix of "1\n".
        least = entries * 3 if layout == "coordinate" else rows * columns
        if least > len(body):
            raise PayloadError("The matrix has fewer entries than its header says.")
        return coo_matrix(parse_matrix(body))
    except (ValueError, OverflowError, TypeError) as error:
        raise PayloadError(_reason(str(error))) from error


def _check_size(rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise PayloadError(
            f"The matrix is too large: at most {MAX_ROWS} rows and {MAX_COLUMNS} columns."
        )


def _reason(text: str) -> str:
    """scipy's own text where it cannot quote the body, else only the line it is about."""
    if text.endswith("Not a Matrix Market file. Missing banner."):
        return text
    line = _LINE.match(text)
    return f"{line.group() if line else 'Body'}: Not a valid Matrix Market file."
