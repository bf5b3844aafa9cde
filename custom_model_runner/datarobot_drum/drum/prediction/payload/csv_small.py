"""A reader for small CSV bodies: what ``pandas.read_csv`` gives, without its fixed cost.

``read_csv`` takes some 400 µs to start, whatever it reads. This reader takes the bodies
that online clients send, and steps aside (returns None) as soon as something in one could
mean anything else to pandas than to it. Property tests hold it to ``read_csv``.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv_column import parse_column, text_column
from datarobot_drum.drum.prediction.payload.csv_floats import read_floats
from datarobot_drum.drum.prediction.payload.csv_frame import frame_from_block, frame_from_columns
from datarobot_drum.drum.prediction.payload.csv_header import Header, read_header
from datarobot_drum.drum.prediction.payload.text_columns import TextColumns

if TYPE_CHECKING:
    import pandas as pd

# From there on pandas is as fast. In bytes there is more room: a cell may be a long text.
_MAX_CELLS = 500
_MAX_BYTES = 64 * 1024
# A blank line, or one that starts with a blank: pandas skips the one and trims the other.
_BLANK_STARTS = ("\n\n", "\n ", "\n\t")


class _Table(NamedTuple):
    """A body split into cells, row after row."""

    header: Header
    cells: list[str]


def read_small_csv(body: Body, text: TextColumns | None = None) -> pd.DataFrame | None:
    """What ``read_csv`` makes of a small body; None for a body that it should read itself.

    Args:
        text: columns that are read as text whatever stands in them.
    """
    # A column of text may look like decimals.
    floats = read_floats(body) if text is None else None
    if floats is not None:
        return frame_from_block(floats.header.columns, floats.values)
    table = _split(body)
    arrays = None if table is None else _parse_columns(table, text)
    if table is None or arrays is None:
        return None
    return frame_from_columns(table.header.columns, arrays)


def _split(body: Body) -> _Table | None:
    text = _text(body)
    if text is None:
        return None
    header, _, rows = text.removesuffix("\n").partition("\n")
    if not rows or rows.count(",") + rows.count("\n") >= _MAX_CELLS:
        return None
    head = read_header(header)
    if head is None or any(start in text for start in _BLANK_STARTS):
        return None
    split = _quoted_cells if '"' in rows else _plain_cells
    cells = split(rows, len(head.names))
    return None if cells is None else _Table(head, cells)


def _text(body: Body) -> str | None:
    """The text with LF line ends; None for what only pandas should read."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        text = str(body, "utf-8")
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        # Inside of quotes the line ends are data.
        if '"' in text:
            return None
        text = text.replace("\r\n", "\n")
    return None if "\r" in text or "\0" in text else text


def _plain_cells(rows: str, width: int) -> list[str] | None:
    commas = width - 1
    if any(line.count(",") != commas for line in rows.split("\n")):
        return None
    return rows.replace("\n", ",").split(",")


def _quoted_cells(rows: str, width: int) -> list[str] | None:
    cells: list[str] = []
    try:
        for row in csv.reader(io.StringIO(rows, newline=""), strict=True):
            if len(row) != width:
                return None
            cells += row
    except csv.Error:
        return None
    return cells


def _parse_columns(table: _Table, text: TextColumns | None) -> list[Any] | None:
    names = table.header.names
    texts = frozenset() if text is None else frozenset(text.among(names))
    width = len(names)
    arrays = []
    for position, name in enumerate(names):
        cells = table.cells[position::width]
        array = text_column(cells) if name in texts else parse_column(cells)
        if array is None:
            return None
        arrays.append(array)
    return arrays
