"""The header line of a CSV body, read by pandas once and remembered."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Plain or wholly quoted names: a quote anywhere else may span lines.
_WELL_FORMED = re.compile(r'(?:"[^"]*"|[^",]*)(?:,(?:"[^"]*"|[^",]*))*')
_MAX_CACHED = 16 * 1024
# With more of them the fixed cost that this saves is no longer much.
_MAX_COLUMNS = 1000


def read_header(line: str) -> pd.Index | None:
    """The columns that ``read_csv`` makes of a header line (without its line end).

    Returns:
        A new view of the columns on each call, so that nobody's change to it (its name)
        reaches another request; None for a header that only pandas should read.
    """
    if line.count(",") >= _MAX_COLUMNS:
        return None
    columns = _read(line) if len(line) <= _MAX_CACHED else _read.__wrapped__(line)
    return None if columns is None else columns.view()


@lru_cache(maxsize=64)
def _read(line: str) -> pd.Index | None:
    import pandas as pd

    if not line or line[0] in " \t\ufeff" or not _WELL_FORMED.fullmatch(line):
        return None
    try:
        return pd.read_csv(io.BytesIO(line.encode())).columns
    except ValueError:
        return None
