"""A large CSV body read in parts by several threads: pandas lets go of the interpreter for most
of its work. Only where the parts together are what ``read_csv`` makes of the whole; everything
else is read as a whole. Property tests hold it to ``read_csv``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, cast

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.floats import read_header_line
from datarobot_drum.drum.prediction.payload.csv.frame import (
    frame_from_block,
    frame_from_columns,
)
from datarobot_drum.drum.prediction.payload.csv.reader import (
    CsvSource,
    fits,
    read_csv,
    read_quickly,
)
from datarobot_drum.drum.prediction.payload.csv.rows import first_row_fits
from datarobot_drum.drum.prediction.payload.csv.size import rows_to_read
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Bytes of a part: below it, handing it to another thread saves little.
LEAST_PART: Final = 1 << 20
_MOST_REMEMBERED: Final = 256
# Integers up to here are floats exactly; and no column of them is text, as beyond 64 bits.
_GREAT: Final = 2.0**53
_LINE_END: Final = re.compile(rb"\n")


class PartsReader:
    """Reads like ``read_csv``, with up to ``threads`` threads for one body.

    Args:
        least: bytes of the smallest part.
    """

    def __init__(self, threads: int, least: int = LEAST_PART) -> None:
        self._threads = threads
        self._least = least
        self._pool: ThreadPoolExecutor | None = None
        # Hashes of header lines of tables that had to be read again, as a whole: the next ones
        # will, too.
        self._unfit: set[int] = set()

    def __call__(
        self, body: Body, text: TextColumns | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """What ``read_csv`` reads.

        Raises:
            PayloadError: as ``read_csv`` does.
        """
        # Only numbers are read in parts.
        count = min(self._threads, len(body) // self._least) if text is None else 1
        frame = read_quickly(body, text, limit) if count > 1 else None
        if frame is None and count > 1 and rows_to_read(body, limit) is None:
            frame = self._read(memoryview(body), count)
        return read_csv(body, text, limit) if frame is None else frame

    def _read(self, body: memoryview, count: int) -> pd.DataFrame | None:
        start = _after_line_end(body, 0)
        line = bytes(body[:start])
        if hash(line) in self._unfit:
            return None
        header = read_header_line(line)
        # In a table of one column blank lines count.
        fits = header is not None and len(header.names) > 1
        parts = self._parts(line, _cut(body, start, count)) if fits else [None]
        if parts is None:
            return None
        frame = _joined(parts)
        if frame is None:
            self._remember(line)
        return frame

    def _remember(self, line: bytes) -> None:
        if len(self._unfit) >= _MOST_REMEMBERED:
            self._unfit.clear()
        self._unfit.add(hash(line))

    def _parts(self, header: bytes, pieces: list[memoryview]) -> list[pd.DataFrame | None] | None:
        """A frame for each piece; None: the system has no threads for them."""
        if self._pool is None:
            # Not before the first large body: until a process serves, it may still fork.
            self._pool = ThreadPoolExecutor(self._threads - 1, "csv")
        try:
            others = [self._pool.submit(_read_part, header, piece) for piece in pieces[1:]]
        except RuntimeError:
            return None
        return [_read_part(header, pieces[0]), *(other.result() for other in others)]


def _after_line_end(body: memoryview, start: int) -> int:
    found = _LINE_END.search(body, start)
    return len(body) if found is None else found.end()


def _cut(body: memoryview, start: int, count: int) -> list[memoryview]:
    """About equal pieces of whole lines; some may be empty."""
    size = len(body) - start
    inner = [_after_line_end(body, start + size * n // count) for n in range(1, count)]
    return [body[a:b] for a, b in itertools.pairwise((start, *inner, len(body)))]


class _Unquoted(CsvSource):
    """Refuses quotes after the header: within one a line end is a character."""

    def read(self, size: int) -> bytes:
        in_header = bool(self._header)
        chunk = super().read(size)
        if not in_header and b'"' in chunk:
            raise ValueError("a quote")
        return chunk


def _read_part(header: bytes, lines: memoryview) -> pd.DataFrame | None:
    """A frame that can stand beside others; None: only a look at the whole tells."""
    import pandas as pd

    # Of a longer one pandas makes an index of as many levels.
    if not first_row_fits(lines, len(header.split(b","))):
        return None
    try:
        # The annotations ask for more of a file than is needed.
        frame = pd.read_csv(cast(Any, _Unquoted(lines, header)))
    except (ValueError, OverflowError):
        return None
    numbers = all(dtype in ("int64", "float64") for dtype in frame.dtypes)
    fit = numbers and fits(frame, lines) and first_row_fits(lines, frame.shape[1])
    return frame if fit and not _is_in_doubt(frame, lines) else None


def _is_in_doubt(frame: pd.DataFrame, lines: memoryview) -> bool:
    """Whether a float depends on its neighbours.

    Where pandas meets only integers for a while, it reads them as such, though a decimal
    follows later: then an integer -0 has no sign, and great ones have other digits or are text.
    """
    import numpy as np

    floats = frame.select_dtypes("float64").to_numpy()
    if (floats >= _GREAT).any() or (floats <= -_GREAT).any():
        return True
    has_zeros = int(np.count_nonzero(floats)) < floats.size
    return has_zeros and _may_hold_integer_minus_zero(lines)


def _may_hold_integer_minus_zero(lines: memoryview) -> bool:
    """Whether ``-0`` stands somewhere without a point behind it, and not in an exponent."""
    import numpy as np

    text = np.frombuffer(lines, np.uint8)
    last = len(text) - 1
    minus = np.flatnonzero(text == ord("-"))
    minus = minus[text[np.minimum(minus + 1, last)] == ord("0")]
    minus = minus[text[np.minimum(minus + 2, last)] != ord(".")]
    before = text[np.maximum(minus - 1, 0)]
    return bool(((before != ord("e")) & (before != ord("E"))).any())


def _joined(parts: Sequence[pd.DataFrame | None]) -> pd.DataFrame | None:
    """One frame; None where the parts have not all the same columns."""
    import numpy as np

    frames = [part for part in parts if part is not None]
    if len(frames) < len(parts):
        return None
    columns, dtypes = frames[0].columns, frames[0].dtypes
    if not all(frame.dtypes.equals(dtypes) for frame in frames):
        return None
    if all(dtype == "float64" for dtype in dtypes):
        return frame_from_block(columns, _stacked(frames))
    arrays = [
        np.concatenate([frame.iloc[:, place].to_numpy() for frame in frames])
        for place in range(len(columns))
    ]
    return frame_from_columns(columns, arrays)


def _stacked(frames: Sequence[pd.DataFrame]) -> np.ndarray[Any, Any]:
    """All rows; column by column in memory, as in a frame that read_csv made."""
    import numpy as np

    block = np.empty((frames[0].shape[1], sum(map(len, frames))))
    start = 0
    for frame in frames:
        block[:, start : start + len(frame)] = frame.to_numpy().T
        start += len(frame)
    return block.T
