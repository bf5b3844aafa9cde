"""The header line of a CSV body, and a DataFrame from columns that are typed already.

The header is read by pandas once and remembered; no dtype of the frame is guessed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


# Plain or wholly quoted names: a quote anywhere else may span lines.
_WELL_FORMED = re.compile(r'(?:"[^"]*"|[^",]*)(?:,(?:"[^"]*"|[^",]*))*')
_MAX_CACHED = 16 * 1024
# With more of them the fixed cost that this saves is no longer much.
_MAX_COLUMNS = 1000


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
    if line.count(",") >= _MAX_COLUMNS:
        return None
    return _read(line) if len(line) <= _MAX_CACHED else _read.__wrapped__(line)


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


def frame_from_block(columns: pd.Index, block: np.ndarray[Any, Any]) -> pd.DataFrame:
    """A frame over ``block``, shape (rows, columns), which is not copied."""
    import pandas as pd

    return pd.DataFrame(block, columns=columns, copy=False)


def frame_from_columns(columns: pd.Index, arrays: Sequence[Any]) -> pd.DataFrame:
    """A frame of one array (numpy's or pandas' own) per column, all of one length."""
    import numpy as np
    import pandas as pd

    if all(array.dtype == np.float64 for array in arrays):
        return frame_from_block(columns, np.array(arrays).T)
    from_blocks = _from_blocks()
    if from_blocks is not None:
        return from_blocks(_blocks(arrays), pd.RangeIndex(len(arrays[0])), columns)
    frame = pd.DataFrame(dict(enumerate(arrays)), copy=False)
    frame.columns = columns
    return frame


@cache
def _from_blocks() -> Callable[[list[Any], pd.Index, pd.Index], pd.DataFrame] | None:
    """pandas 3's low-level constructor, a third of the cost of the ordinary one."""
    try:
        internals = import_module("pandas.api.internals")
    except ImportError:
        return None
    return getattr(internals, "create_dataframe_from_blocks", None)


def _blocks(arrays: Sequence[Any]) -> list[tuple[Any, np.ndarray[Any, Any]]]:
    import numpy as np

    together: dict[Any, list[int]] = {}
    for position, array in enumerate(arrays):
        # Only numpy's own arrays share a block.
        key = array.dtype if isinstance(array, np.ndarray) else position
        together.setdefault(key, []).append(position)
    return [
        (
            np.array([arrays[position] for position in positions])
            if isinstance(key, np.dtype)
            else arrays[key],
            np.array(positions),
        )
        for key, positions in together.items()
    ]
