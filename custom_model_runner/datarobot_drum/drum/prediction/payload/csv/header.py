"""The header line of a CSV body: read by pandas once, and remembered."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

# Plain or wholly quoted names: a quote anywhere else may span lines.
_WELL_FORMED: Final = re.compile(r'(?:"[^"]*"|[^",]*)(?:,(?:"[^"]*"|[^",]*))*')
MAX_CACHED: Final = 32 * 1024
# With more of them the fixed cost that this saves is no longer much. cells.c has room for them.
MAX_COLUMNS: Final = 1000


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
