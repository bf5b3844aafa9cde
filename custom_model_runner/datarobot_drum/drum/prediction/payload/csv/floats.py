"""The header line of a CSV body, and a reader for bodies that hold nothing but decimals.

The header is read by pandas once and remembered. Decimals a JSON parser reads at several times
the speed of ``read_csv``, whose fixed cost alone is some 400 µs. It is used only for bodies of
small and medium size, and only where it can read nothing that ``read_csv`` would read
differently; everything else is left to others (None). Where ``cells.c`` was compiled, only a few
are read here. Property tests hold it to ``read_csv``.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.dialect import float_array, rounds_correctly

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Plain or wholly quoted names: a quote anywhere else may span lines.
_WELL_FORMED: Final = re.compile(r'(?:"[^"]*"|[^",]*)(?:,(?:"[^"]*"|[^",]*))*')
MAX_CACHED: Final = 32 * 1024
# With more of them the fixed cost that this saves is no longer much. cells.c has room for them.
MAX_COLUMNS: Final = 1000

# From there on pandas takes less; much sooner where its own parser has to be called by column.
_MAX_CELLS: Final = 30_000
_MAX_CELLS_BY_TEXT: Final = 1_500
# From there on such a pandas leaves decimals without an exponent as text.
_GREAT: Final = 2.0**63
# Longer decimals than any float needs: the cells are counted only in bodies below this.
_MAX_BYTES: Final = 32 * _MAX_CELLS
# Bytes: up to there the compiled reader's start, some 20 us, is more than all that is done here.
_FEW: Final = 8192
_FEW_BY_TEXT: Final = 1024
# JSON trims blanks and knows texts and lists; pandas has its own mind about the first two.
_NOT_IN_DECIMALS: Final = (b" ", b"\t", b"\r", b'"', b"[")


class Header(NamedTuple):
    """The columns that ``read_csv`` makes of a header line, and their names."""

    shared: pd.Index
    names: tuple[str, ...]

    @property
    def columns(self) -> pd.Index:
        """A new view of the columns, so that nobody's change to it (its name) reaches another
        request.
        """
        return self.shared.view()


def read_header(line: str) -> Header | None:
    """The columns of a header line (without its line end); None: only pandas should read it."""
    if line.count(",") >= MAX_COLUMNS:
        return None
    return _read(line) if len(line) <= MAX_CACHED else _read.__wrapped__(line)


def read_header_line(line: bytes) -> Header | None:
    """The same for a line as it stands in a body."""
    text = line.removesuffix(b"\n").removesuffix(b"\r")
    if b"\r" in text or b"\0" in text:
        return None
    try:
        return read_header(text.decode())
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=64)
def _read(line: str) -> Header | None:
    import pandas as pd

    if not line or line[0] in " \t\ufeff" or not _WELL_FORMED.fullmatch(line):
        return None
    try:
        index = pd.read_csv(io.BytesIO(line.encode())).columns
    except ValueError:
        return None
    return Header(index, tuple(index.tolist()))


def are_few(body: Body) -> bool:
    """Whether decimals in it are read here sooner than the compiled reader has started."""
    return len(body) <= (_FEW if rounds_correctly() else _FEW_BY_TEXT)


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
