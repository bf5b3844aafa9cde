"""One column of cells, typed as ``read_csv`` types it."""

from __future__ import annotations

import re
from typing import Any

from datarobot_drum.drum.prediction.payload.csv_dialect import (
    FALSE_WORDS,
    MISSING,
    TRUE_WORDS,
    float_array,
    text_array,
)

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


def text_column(cells: list[str]) -> Any:
    """What ``read_csv`` makes of the cells of a column that it is told is text."""
    import numpy as np

    return text_array([np.nan if cell in MISSING else cell for cell in cells])
