"""A reader for small CSV bodies: what ``pandas.read_csv`` gives, without its fixed cost.

``read_csv`` takes some 400 µs to start, whatever it reads. This reader takes the bodies
that online clients send, and steps aside (returns None) as soon as something in one could
mean anything else to pandas than to it. Property tests hold it to ``read_csv``.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.dialect import (
    FALSE_WORDS,
    TRUE_WORDS,
    float_array,
    text_array,
)
from datarobot_drum.drum.prediction.payload.csv.floats import Header, read_floats, read_header
from datarobot_drum.drum.prediction.payload.csv.frame import (
    frame_from_block,
    frame_from_columns,
)
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.utils.gaps import MISSING

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
    if text is not None and text.may_spread(names):
        return None
    texts = {} if text is None else text.missing_words(names)
    width = len(names)
    arrays = []
    for position, name in enumerate(names):
        cells = table.cells[position::width]
        array = text_column(cells, texts[name]) if name in texts else parse_column(cells)
        if array is None:
            return None
        arrays.append(array)
    return arrays


# A body with NUL is never read here, so that NUL can stand between the cells of a column.
_INTEGER = r"-?[0-9]{1,18}"
_INTEGERS = re.compile(rf"{_INTEGER}(?:\0{_INTEGER})*")
# Two digits of exponent: neither overflow nor underflow, whatever stands in front.
_NUMBER = r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\0{_NUMBER})*")
_GREAT_INTEGER = re.compile(r"[0-9]{19}")
_POINT_OR_EXPONENT = re.compile(r"[.eE]")
# Everything that pandas might take for a number or a boolean, and more.
_MAYBE_TYPED = re.compile(
    r"\s*(?:[+-]?(?:[0-9.]*(?:e[+-]?[0-9]*)?|inf|infinity|nan)|true|false)\s*",
    re.ASCII | re.IGNORECASE,
)


def parse_column(cells: list[str]) -> Any | None:
    """The array that ``read_csv`` makes of the cells of a column.

    Returns:
        An int64, float64 or bool array or one of pandas' text dtype; None when only pandas
        can tell.
    """
    import numpy as np

    present = [cell for cell in cells if cell not in MISSING]
    if not present:
        return np.full(len(cells), np.nan)
    joined = "\0".join(present)
    if _INTEGERS.fullmatch(joined):
        integers = np.array(list(map(int, present)), dtype=np.int64)
        if len(present) == len(cells):
            return integers
        # As pandas does: floats that were integers first, so that -0 has no sign.
        return _with_missing(cells, integers.astype(np.float64))
    if _NUMBERS.fullmatch(joined):
        if not _POINT_OR_EXPONENT.search(joined):
            return None
        return _with_missing(cells, float_array(present))
    # An integer beyond 64 bits changes the dtype of text around it.
    return None if _GREAT_INTEGER.search(joined) else _words(cells, present)


def _with_missing(cells: list[str], numbers: Any) -> Any:
    """The numbers of the cells that hold one, NaN for the others."""
    import numpy as np

    if len(numbers) == len(cells):
        return numbers
    column = np.full(len(cells), np.nan)
    column[[position for position, cell in enumerate(cells) if cell not in MISSING]] = numbers
    return column


def _words(cells: list[str], present: list[str]) -> Any | None:
    import numpy as np

    if all(cell in TRUE_WORDS or cell in FALSE_WORDS for cell in cells):
        return np.array([cell in TRUE_WORDS for cell in cells])
    # One cell that can be nothing but text makes the whole column text, as it stands.
    if all(_MAYBE_TYPED.fullmatch(cell) for cell in present):
        return None
    return text_column(cells)


def text_column(cells: list[str], missing: frozenset[str] = MISSING) -> Any:
    """What ``read_csv`` makes of the cells of a column that it is told is text."""
    import numpy as np

    return text_array([np.nan if cell in missing else cell for cell in cells])
