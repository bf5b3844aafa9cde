"""A reader for bodies that hold nothing but decimals, where ``cells.c`` was not compiled.

Decimals a JSON parser reads at several times
the speed of ``read_csv``, whose fixed cost alone is some 400 µs. It is used only for bodies of
small and medium size, and only where it can read nothing that ``read_csv`` would read
differently; everything else is left to others (None). Property tests hold it to ``read_csv``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.dialect import float_array, rounds_correctly
from datarobot_drum.drum.prediction.payload.csv.header import Header, read_header_line

if TYPE_CHECKING:
    import numpy as np

# From there on pandas takes less; much sooner where its own parser has to be called by column.
_MAX_CELLS: Final = 30_000
_MAX_CELLS_BY_TEXT: Final = 1_500
# From there on such a pandas leaves decimals without an exponent as text.
_GREAT: Final = 2.0**63
# Longer decimals than any float needs: the cells are counted only in bodies below this.
_MAX_BYTES: Final = 32 * _MAX_CELLS
# JSON trims blanks and knows texts and lists; pandas has its own mind about the first two.
_NOT_IN_DECIMALS: Final = (b" ", b"\t", b"\r", b'"', b"[")


class Floats(NamedTuple):
    """A table of decimals: ``values`` has the shape (rows, columns)."""

    header: Header
    values: np.ndarray[Any, Any]


def read_floats(body: Body) -> Floats | None:
    """Columns and values of a body that is all decimals.

    They are those of ``read_csv``'s frame. None when ``read_csv`` should be asked: a cell is
    an integer, missing or no number at all, or the body is large.
    """
    if len(body) > _MAX_BYTES:
        return None
    header, _, rows = bytes(body).partition(b"\n")
    if b"\r" in rows:
        rows = rows.replace(b"\r\n", b"\n")
    rows = rows.removesuffix(b"\n")
    if any(character in rows for character in _NOT_IN_DECIMALS):
        return None
    head = read_header_line(header)
    # Most other tables show in their first row what they are.
    if head is None or rows.partition(b"\n")[0].count(b".") != len(head.names):
        return None
    values = _block(rows, len(head.names))
    return None if values is None else Floats(head, values)


def _block(rows: bytes, width: int) -> np.ndarray[Any, Any] | None:
    values = _values(rows, width)
    if values is None or len(values) > _MAX_CELLS:
        return None
    # A point in every cell: JSON makes floats of great integers too, pandas does not.
    if _points(rows) != len(values):
        return None
    block = _floats(values, rows)
    if block is None or len(values) == width:
        return None if block is None else block.reshape(1, width)
    # Column by column in memory, as in a frame that read_csv made: a model that sums in
    # another order may give another last digit.
    return block.reshape(-1, width).T.copy().T


def _values(rows: bytes, width: int) -> list[Any] | None:
    """The cells, row after row; None where the lines are not all as wide as the header."""
    # A null at the end of every line but the last shows where the lines end in the flat list.
    joined = rows.replace(b"\n", b",null,")
    ends = (len(joined) - len(rows)) // len(b"null,")
    try:
        values: list[Any] = orjson.loads(b"[%b]" % joined)
    except orjson.JSONDecodeError:
        return None
    if ends:
        if values[width :: width + 1] != [None] * ends:
            return None
        del values[width :: width + 1]
    return values if len(values) == (ends + 1) * width else None


def _points(rows: bytes) -> int:
    import numpy as np

    # bytes.count takes more than the rest of the checks together.
    if len(rows) < 4096:
        return rows.count(b".")
    return int(np.count_nonzero(np.frombuffer(rows, np.uint8) == ord(".")))


def _floats(values: list[Any], rows: bytes) -> np.ndarray[Any, Any] | None:
    import numpy as np

    try:
        numbers = np.fromiter(values, np.float64, len(values))
    except TypeError:
        return None
    if rounds_correctly():
        return numbers
    if len(values) > _MAX_CELLS_BY_TEXT or (abs(numbers) >= _GREAT).any():
        return None
    return float_array(rows.decode().replace("\n", ",").split(","))
