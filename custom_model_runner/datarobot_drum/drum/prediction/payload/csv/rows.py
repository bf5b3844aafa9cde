"""Which rows of a CSV body fit its header, told cell by cell as pandas cuts them.

pandas takes what the first row has more than the header for row names: every column moves, and
the model answers as if nothing were. Here that is refused, or, where it is only a comma at the
end of every row, read as without it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body

UNFIT: Final = "Pandas failed to read input binary data: rows do not fit the header"
ONE_MORE: Final = (
    "Every row of a CSV body ends in a comma that its header does not have: the empty cell behind"
    " it is left out. This is said once for each header."
)

logger = logging.getLogger(__name__)

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n?|\n")
# A group that is repeated takes memory for each time, and holds the interpreter: here none is.
_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_QUOTES: Final = re.compile(rb'"+')
_UNQUOTED: Final = re.compile(rb'(?:[^",\r\n][^,\r\n]*)?')
_EMPTY: Final = (b"", b'""')


class _Row(NamedTuple):
    """Where a row stands in a body, how many cells it has, and whether the last one is empty."""

    start: int
    end: int
    width: int
    ends_empty: bool


def header_start(body: Body) -> int:
    """Where the header stands: behind a byte order mark and blank lines."""
    start = len(_BYTE_ORDER_MARK) if body[:3] == _BYTE_ORDER_MARK else 0
    return _after_blank_lines(body, start)


def header_width(body: Body) -> int | None:
    """How many columns the header has; None: there is none, or a quote in it stays open."""
    header = next(_rows(body), None)
    return None if header is None else header.width


def first_row_fits(rows: Body, width: int, cut_off: bool = False) -> bool:
    """Whether the first of the rows (no header is among them) has at most ``width`` cells.

    Args:
        cut_off: there are more rows, or more of the last one: a first row that does not end
            before the end of these is not known to fit.
    """
    first = next(_rows(rows), None)
    if cut_off and (first is None or first.end >= len(rows)):
        return False
    return first is None or first.width <= width


def has_one_empty_cell_more(body: Body) -> bool:
    """Whether all rows have exactly one cell more than the header, and that one is empty.

    Rows are looked at only when the first one is longer than the header: pandas itself refuses
    those that are longer than the first. The log is told once for each header.

    Raises:
        PayloadError: the first row is longer in another way, or others differ from it.
    """
    rows = _rows(body)
    header, first = next(rows, None), next(rows, None)
    if header is None or first is None or first.width <= header.width:
        return False
    row: _Row | None = first
    while row is not None:
        if row.width != header.width + 1 or not row.ends_empty:
            wrong = row if row.width > header.width else first
            raise PayloadError(_unfit(body, header.width, wrong))
        row = next(rows, None)
    _say_once(hash(bytes(body[header.start : header.end])))
    return True


def has_longer_row(body: Body, width: int) -> bool:
    """Whether any row has more than ``width`` cells."""
    return any(row.width > width for row in _rows(body))


@lru_cache(maxsize=256)
def _say_once(_header: int) -> None:
    logger.warning(ONE_MORE)


def _unfit(body: Body, width: int, row: _Row) -> str:
    line = len(_LINE_END.findall(body, 0, row.start)) + 1
    return f"{UNFIT}: Expected {width} fields in line {line}, saw {row.width}"


def _rows(body: Body) -> Iterator[_Row]:
    """All rows, the header first; those before a quote that stays open, which pandas refuses."""
    position = header_start(body)
    while position < len(body):
        row = _row(body, position)
        if row is None:
            return
        yield row
        position = _after_blank_lines(body, row.end)


def _after_blank_lines(body: Body, start: int) -> int:
    """pandas skips lines of blanks; those in front of something are its own."""
    blanks = _BLANKS.match(body, start)
    end = start if blanks is None else blanks.end()
    if end == len(body):
        return end
    return start + len(bytes(body[start:end]).rstrip(b" \t"))


def _row(body: Body, start: int) -> _Row | None:
    found = _LINE_END.search(body, start)
    end = len(body) if found is None else found.start()
    line = bytes(body[start:end])
    if b'"' not in line:
        return _Row(start, end, line.count(b",") + 1, line.endswith(b","))
    return _quoted_row(body, start)


def _quoted_row(body: Body, start: int) -> _Row | None:
    position, width = start, 0
    while True:
        begin, width = position, width + 1
        end = _cell_end(body, begin)
        if end is None:
            return None
        position = end
        behind = bytes(body[position : position + 1])
        if behind in (b"", b"\r", b"\n"):
            return _Row(start, position, width, bytes(body[begin:position][:3]) in _EMPTY)
        if behind != b",":
            return None
        position += 1


def _cell_end(body: Body, start: int) -> int | None:
    """None: a quote stays open. It is one only where a cell begins; two of them in it stand for
    one, and what stands behind the closing one is text.
    """
    if body[start : start + 1] == b'"':
        runs = _QUOTES.finditer(body, start + 1)
        closing = next((run.end() for run in runs if (run.end() - run.start()) % 2), None)
        if closing is None:
            return None
        start = closing
    rest = _UNQUOTED.match(body, start)
    return start if rest is None else rest.end()
