"""CSV read by ``cells.c``, where the package was built with a compiler at hand.

It gives what ``read_csv`` gives, or steps aside (None). Before the first body it is held to the
installed pandas: where they differ it is not used. Property tests hold it to ``read_csv``. What
was met with a header is remembered, and only saves time: which kinds its columns were, and
whether such tables had to be left to others.
"""

from __future__ import annotations

import io
import logging
import re
from ctypes import byref
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.dialect import (
    HARD_DECIMALS,
    rounds_correctly,
    rows_of_chunk,
)
from datarobot_drum.drum.prediction.payload.csv.floats import MAX_CACHED, Header, read_header_line
from datarobot_drum.drum.prediction.payload.csv.frame import (
    Block,
    frame_from_block,
    frame_from_blocks,
)
from datarobot_drum.drum.prediction.payload.csv.library import (
    WORDS,
    Library,
    Table,
    load,
)
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.prediction.payload.csv.texts import Texts, text_blocks
from datarobot_drum.drum.prediction.payload.decoded import table_size
from datarobot_drum.drum.utils.gaps import MISSING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

logger = logging.getLogger(__name__)

_LINE_END: Final = re.compile(rb"\n")
# As in cells.c: what a column is read as.
_UNKNOWN, _FLOATS, _INTEGERS, _BOOLEANS, _FLAGS, _TEXTS, _TOLD_TEXTS = range(7)
_DTYPES: Final = (None, "float64", "int64", "bool", "uint8", "uint64")
# Rows that show what the columns of a header are that was not met before.
_FIRST_ROWS: Final = 64
# Bytes: to try less costs nothing beside what others need for it.
_LARGE: Final = 4096
_MOST_LEFT: Final = 64


class _Layout:
    """Which columns are read into which block.

    Args:
        kinds: by column.
    """

    def __init__(self, kinds: np.ndarray[Any, Any]) -> None:
        import numpy as np

        self.kinds = kinds
        self.places = [np.flatnonzero(kinds == kind) for kind in range(_TEXTS)]
        self.places.append(np.flatnonzero(kinds >= _TEXTS))

    def blocks(self, rows: int) -> list[np.ndarray[Any, Any] | None]:
        """By kind; None for one that no column has."""
        import numpy as np

        shapes = [(len(places), rows) if len(places) else None for places in self.places]
        return [
            None if shape is None or dtype is None else np.empty(shape, dtype)
            for shape, dtype in zip(shapes, _DTYPES, strict=True)
        ]


class _Way:
    """What is known of a header: the columns that are text, and how it went.

    Args:
        header: the columns.
        told: _TOLD_TEXTS or _UNKNOWN for each column.
        gaps: bits of the words that are missing values, for each column.
    """

    def __init__(
        self, header: Header, told: np.ndarray[Any, Any], gaps: np.ndarray[Any, Any]
    ) -> None:
        self.header = header
        self.told = told
        self.gaps = gaps
        self.width = len(told)
        self.chunk = rows_of_chunk(self.width)
        # Bytes of a table without rows, and of each row.
        self.least = table_size(0, self.width)
        self.row = table_size(1, self.width) - self.least
        self.layout: _Layout | None = None
        self._leave, self._left = 0, 0

    def is_left(self) -> bool:
        """Whether a large body is left to others: the more often, the more had to be."""
        self._left -= 1
        return self._left >= 0

    def fits(self, layout: _Layout) -> None:
        self.layout = layout
        self._leave = self._left = 0

    def does_not_fit(self) -> None:
        self._leave = self._left = min(max(2 * self._leave, 1), _MOST_LEFT)


@lru_cache(maxsize=64)
def _way(line: bytes, text: TextColumns | None) -> _Way | None:
    """None: only pandas should read what is below this header."""
    import numpy as np

    header = read_header_line(line)
    if header is None or (text is not None and text.may_spread(header.names)):
        return None
    words = {} if text is None else text.missing_words(header.names)
    told = [_TOLD_TEXTS if name in words else _UNKNOWN for name in header.names]
    gaps = [_bits(words.get(name, MISSING)) for name in header.names]
    return _Way(header, np.array(told, np.uint8), np.array(gaps, np.uint32))


def _bits(words: frozenset[str]) -> int:
    return sum(1 << WORDS[word] for word in words)


class Rows(NamedTuple):
    """A body that was read.

    Args:
        header: its columns.
        length: how many rows it has.
        blocks: values, and which columns they are.
    """

    header: Header
    length: int
    blocks: list[Block]

    @property
    def floats(self) -> np.ndarray[Any, Any] | None:
        """The values, shape (rows, columns), of a table that is all float64."""
        values = self.blocks[0][0]
        return values.T if len(self.blocks) == 1 and values.dtype == "float64" else None

    @property
    def frame(self) -> pd.DataFrame:
        """What ``read_csv`` makes of the body."""
        floats = self.floats
        if floats is not None:
            return frame_from_block(self.header.columns, floats)
        return frame_from_blocks(self.header.columns, self.blocks, self.length)


def read_compiled(
    body: Body, text: TextColumns | None = None, limit: int | None = None
) -> Rows | None:
    """None for a body that others should read.

    Args:
        text: columns that are read as text whatever stands in them.
        limit: bytes that the frame may take; None: no limit.
    """
    library = _library()
    return None if library is None else _read(library, body, text, limit)


def is_there() -> bool:
    """Whether bodies are read by ``cells.c``: what it leaves is nothing for the other readers of
    small bodies either.
    """
    return _library() is not None


def _read(library: Library, body: Body, text: TextColumns | None, limit: int | None) -> Rows | None:
    line_end = _LINE_END.search(body)
    start = 0 if line_end is None else line_end.end()
    if not 0 < start <= MAX_CACHED:
        return None
    way = _way(bytes(body[:start]), text)
    if way is None or (len(body) > _LARGE and way.is_left()):
        return None
    reading = _Reading(library, body, start, way)
    if limit is not None and way.least + reading.rows * way.row > limit:
        return None
    read = reading.blocks()
    if read is None:
        way.does_not_fit()
        return None
    count, blocks = read
    return Rows(way.header, count, blocks)


class _Reading:
    """One body on its way; ``rows`` is the most that it may have."""

    def __init__(self, library: Library, body: Body, start: int, way: _Way) -> None:
        import numpy as np

        self._library = library
        self._way = way
        bytes_ = np.frombuffer(body, np.uint8)
        # Kept, since only their addresses are handed over.
        self._kept: list[Any] = [bytes_]
        self._body, size = bytes_.ctypes.data, len(body)
        lines = library.count_lines(self._body + start, size - start)
        # A row has a comma or a line end for each cell, but maybe the last one.
        self.rows = min(lines, (size - start + 1) // way.width)
        self._table = Table(
            body=self._body,
            size=size,
            start=start,
            width=way.width,
            chunk=way.chunk,
            gaps=way.gaps.ctypes.data,
        )

    def blocks(self) -> tuple[int, list[Block]] | None:
        """How many rows there are, and their values; None: others should read them."""
        layout = self._way.layout
        if layout is None:
            found, _, _ = self._run(_Layout(self._way.told), _FIRST_ROWS)
            layout = None if found is None else _Layout(found)
        # What the columns are does not hang on what they were taken for.
        for _ in range(2):
            if layout is None or not self.rows:
                return None
            found, count, blocks = self._run(layout, self.rows)
            if found is None:
                return None
            if bytes(found) == bytes(layout.kinds):
                self._way.fits(layout)
                return self._typed(layout, blocks, count)
            layout = _Layout(found)
        return None

    def _run(
        self, layout: _Layout, rows: int
    ) -> tuple[np.ndarray[Any, Any] | None, int, list[np.ndarray[Any, Any] | None]]:
        """What the columns of the first rows are (None: only pandas can tell), how many rows
        there are, and their values.
        """
        found, blocks, table = layout.kinds.copy(), layout.blocks(rows), self._table
        table.kinds, table.rows, table.some = found.ctypes.data, rows, rows < self.rows
        for kind, block in enumerate(blocks):
            table.blocks[kind] = 0 if block is None else block.ctypes.data
        count = self._library.read(byref(self._library.dialect), byref(table))
        return (None if count <= 0 or _UNKNOWN in found else found), count, blocks

    def _typed(
        self, layout: _Layout, blocks: list[np.ndarray[Any, Any] | None], count: int
    ) -> tuple[int, list[Block]] | None:
        import numpy as np

        typed: list[Block] = []
        for kind, (block, places) in enumerate(zip(blocks, layout.places, strict=True)):
            if block is None:
                continue
            # Some lines may end within quotes.
            values = block if count == self.rows else np.ascontiguousarray(block[:, :count])
            if kind < _FLAGS:
                typed.append((values, places))
            elif kind == _FLAGS:
                typed.append((_booleans_and_gaps(values), places))
            else:
                texts = Texts(self._body, values, self._table.longest)
                made = text_blocks(self._library, texts, places)
                if made is None:
                    return None
                typed += made
        return count, typed


def _booleans_and_gaps(flags: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    objects: np.ndarray[Any, Any] = np.array([False, True, np.nan], dtype=object).take(flags)
    return objects


@cache
def _library() -> Library | None:
    """None: there is none, or it reads something else than the installed pandas."""
    library = load(old_decimals=not rounds_correctly())
    if library is None or _agrees(library):
        return library
    logger.warning("CSV is read by pandas alone: this pandas reads it in a way that is not known.")
    return None


def _agrees(library: Library) -> bool:
    import pandas as pd

    body = _trial()
    rows, expected = _read(library, body, None, None), pd.read_csv(io.BytesIO(body))
    if rows is None:
        return False
    frame = rows.frame
    return bool(frame.dtypes.equals(expected.dtypes)) and frame.equals(expected)


def _trial() -> bytes:
    """A table of all kinds of columns, with decimals of all lengths."""
    starts = ("", "-", "0.000", "12345678901234567.", "98765432109.8765432", "7")
    ends = ("1", ".5", "9.007199254740993", "12345.678901234567", "1e-39", "4.4e22")
    numbers = [*HARD_DECIMALS, *map("".join, product(starts, ends))]
    others = ("text,5,,True,true", "NA,-7,3,False,", "\u00e9,007,2,true,FALSE", ",0,1,FALSE,NULL")
    rows = (
        f"{number},{others[place % 4]}"
        for place, number in enumerate(numbers)
        # More digits are not always read here.
        if number.count(".") < 2 and len(number) < 32
    )
    return "\n".join(("a,b,c,d,e,f", *rows)).encode()
