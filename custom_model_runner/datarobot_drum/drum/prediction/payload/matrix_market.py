"""Sparse rows: Matrix Market text and its column names."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.model.predictor import Dense
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.decoded import CELL, COLUMN, check_decoded, table_size

if TYPE_CHECKING:
    import pandas as pd

_NUMBER_FIELDS = ("real", "double", "integer", "unsigned-integer")
# How many values an entry of a sparse matrix has.
_VALUES = {"pattern": 0, "complex": 2}
_VALUE = rb"(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?|[+-]?(?i:nan|inf))"
# A cell that is made, looked at and forgotten costs this much less than one that is kept.
_CELLS_PER_CELL: Final = 16
_LINE = re.compile(r"Line \d+")


def read_matrix_market(
    body: Body, colnames: Sequence[str] | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Read a Matrix Market body as a sparse frame.

    Args:
        body: the text, coordinate or array.
        colnames: one name per column; 0, 1, 2, … without.
        limit: bytes that the frame may take; None: no limit.

    Raises:
        BodyTooLargeError: a few bytes may claim any shape, and this one would take more.
        PayloadError: no Matrix Market text, names that do not fit, or scipy is missing.
    """
    import pandas as pd

    matrix = _read_matrix(body, limit)
    if colnames is not None and len(colnames) != matrix.shape[1]:
        raise PayloadError(f"Column length mismatch: {len(colnames)} vs. {matrix.shape[1]}")
    # An accessor that the stubs do not know.
    sparse: Any = pd.DataFrame.sparse
    frame: pd.DataFrame = sparse.from_spmatrix(matrix, columns=colnames)
    return frame


def check_dense(rows: int, columns: int, dense: Dense, limit: int | None) -> None:
    """Refuse sparse rows whose zeros would take too much of a model that makes all the cells.

    In pieces they take time only.

    Raises:
        BodyTooLargeError: they would.
    """
    if dense is not Dense.NEVER:
        most = _CELLS_PER_CELL if dense is Dense.IN_PIECES else 1
        check_decoded(table_size(rows, columns) // most, limit)


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


def _read_matrix(body: Body, limit: int | None) -> Any:
    try:
        from scipy.io import mminfo
        from scipy.sparse import coo_matrix
    except ImportError as error:
        raise PayloadError("Matrix Market needs scipy: pip install scipy") from error
    try:
        rows, columns, entries, layout, field, symmetry = mminfo(io.BytesIO(body))
        check_decoded(_size(rows, columns, entries), limit)
        # "1 1\n" is the shortest entry of the one; the other may be half a matrix of "1\n".
        least = entries * 3 if layout == "coordinate" else rows * columns
        if least > len(body):
            raise PayloadError("The matrix has fewer entries than its header says.")
        if layout == "array":
            return coo_matrix(_read_dense(body, rows, columns, field, symmetry))
        return coo_matrix(parse_matrix(_well_formed(body, field, entries)))
    except (ValueError, OverflowError, TypeError) as error:
        raise PayloadError(_reason(str(error))) from error


def _well_formed(body: Body, field: str, entries: int) -> bytes:
    """A coordinate body without blank lines, comments and odd line ends.

    scipy's reader runs out of its memory, and ends the process, in lines of another form.

    Raises:
        ValueError: a line is no entry, or there are more or fewer than the header says.
    """
    lines = [line.strip() for line in bytes(body).splitlines()]
    size, *cells = _content(lines)
    entry = re.compile(rb"[0-9]{1,18}\s+[0-9]{1,18}" + (rb"\s+" + _VALUE) * _VALUES.get(field, 1))
    wrong = next((cell for cell in cells if not entry.fullmatch(cell)), None)
    if wrong is not None:
        raise ValueError(f"Line {lines.index(wrong) + 1}: no entry")
    if len(cells) != entries:
        raise ValueError("another number of entries")
    return b"\n".join([lines[0], size, *cells, b""])


def _content(lines: Iterable[bytes]) -> list[bytes]:
    """The line of sizes and those of cells."""
    return [line for line in lines if line and not line.startswith(b"%")]


def _read_dense(body: Body, rows: int, columns: int, field: str, symmetry: str) -> Any:
    """A matrix whose cells are all given, column by column, one to a line.

    scipy's reader trusts their number and their line ends: some bodies end the process.

    Raises:
        ValueError: a line is no number, or there are more or fewer than the header says.
    """
    import numpy as np

    if field not in _NUMBER_FIELDS:
        raise PayloadError(f"A dense Matrix Market body of the field '{field}' cannot be read.")
    _size, *cells = _content(line.strip() for line in bytes(body).splitlines())
    if any(b"_" in cell for cell in cells):
        raise ValueError("no number")
    parse = float if field in ("real", "double") else int
    values = np.array([parse(cell) for cell in cells], np.float64 if parse is float else np.int64)
    if symmetry == "general":
        return values.reshape((columns, rows)).T
    return _mirrored(values, rows, columns, is_skew=symmetry == "skew-symmetric")


def _mirrored(values: Any, rows: int, columns: int, is_skew: bool) -> Any:
    """The whole matrix from its lower half; of a skew one the diagonal is not given."""
    import numpy as np

    if rows != columns:
        raise ValueError("not square")
    matrix = np.zeros((rows, rows), values.dtype)
    # The upper half row by row is the lower half column by column.
    upper = np.triu_indices(rows, 1 if is_skew else 0)
    if len(values) != len(upper[0]):
        raise ValueError("another number of cells")
    matrix[upper] = -values if is_skew else values
    matrix.T[upper] = values
    return matrix


def _size(rows: int, columns: int, entries: int) -> int:
    """Of a sparse frame: what is zero takes nothing, but each entry has its place beside it."""
    return columns * COLUMN + rows * CELL + entries * 2 * CELL


def _reason(text: str) -> str:
    """scipy's own text where it cannot quote the body, else only the line it is about."""
    if text.endswith("Not a Matrix Market file. Missing banner."):
        return text
    line = _LINE.match(text)
    return f"{line.group() if line else 'Body'}: Not a valid Matrix Market file."
