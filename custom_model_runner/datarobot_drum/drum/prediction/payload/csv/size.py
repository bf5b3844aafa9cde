"""Whether a CSV body would become too large: shorter rows than the header are filled up."""

from __future__ import annotations

from typing import Final

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.rows import header_width
from datarobot_drum.drum.prediction.payload.decoded import CELL, COLUMN, check_decoded, table_size

# Bytes looked at together: they fit into a CPU's cache.
_AT_ONCE: Final = 128 * 1024


def rows_to_read(body: Body, limit: int | None) -> int | None:
    """How many rows show whether the table takes more than the limit: one more than fit.

    None: it does not, and all may be read. Only where there are quotes, in which lines may end
    without ending a row, the rows have to be read to be counted.

    Raises:
        BodyTooLargeError: it does, which needs no reading.
    """
    size = len(body)
    # The most cells are those of a header and of short rows that are half the body each.
    if limit is None or size * COLUMN + size * size // 4 * CELL <= limit:
        return None
    width = header_width(body)
    # A row takes two bytes; in a table of one column one.
    if width is None or table_size(size if width == 1 else size // 2 + 1, width) <= limit:
        return None
    check_decoded(table_size(0, width), limit)
    lines = _lines(body) if width > 1 else size
    if table_size(lines, width) <= limit:
        return None
    if not _has_quotes(body):
        check_decoded(table_size(lines - 1, width), limit)
        return None
    return (limit - table_size(0, width)) // (width * CELL) + 1


def _lines(body: Body) -> int:
    """How many lines have something in them."""
    import numpy as np

    text = np.frombuffer(body, np.uint8)
    count, ended = 0, True
    for start in range(0, len(text), _AT_ONCE):
        some = text[start : start + _AT_ONCE]
        is_end = (some == ord("\n")) | (some == ord("\r"))
        count += int(np.count_nonzero(is_end[:-1] & ~is_end[1:])) + int(ended and not is_end[0])
        ended = bool(is_end[-1])
    return count


def _has_quotes(body: Body) -> bool:
    view = memoryview(body)
    return any(
        b'"' in bytes(view[start : start + _AT_ONCE]) for start in range(0, len(view), _AT_ONCE)
    )
