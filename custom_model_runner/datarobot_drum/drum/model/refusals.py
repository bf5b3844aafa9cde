"""Values that a framework's own model does not take: the client's mistake, told by column and row.

A framework says only of an array what it does not like. Its exception counts as a refusal of the
rows where two things come together: its text says so, and the rows hold such a value. Whether
only the framework's code has seen the rows is for the caller to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.cells import cut_off, holding, listed
from datarobot_drum.drum.model.columns import UNKNOWN, InputColumns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

Categories: TypeAlias = Mapping[str, Collection[Any]]

_NO_TEXT: Final = re.compile(r"could not convert string to float: (?P<value>.*)")
_UNKNOWN: Final = re.compile(
    r"Found unknown categories|Unexpected categories found|cannot contain new values"
)
_NO_GAP: Final = re.compile(
    r"contains NaN|is an invalid document|cannot contain null|cat_feature\[.*\]=nan "
)
_NO_INFINITY: Final = re.compile(
    r"contains infinity or a value too large for dtype\('(?P<dtype>\w+)'\)"
    r"|Input data contains `inf` or a value too large"
)
_NO_FRACTION: Final = re.compile(r"cat_features must be integer or string")
_NO_NEGATIVE: Final = re.compile(r"Negative values in data|only be applied to strictly positive")
_NO_VALUE: Final = re.compile(
    r"setting an array element with a sequence|unhashable type|has no attribute 'lower'"
    r"|must be (a string or )?a? ?real number, not|could not be promoted|expected string or bytes"
)
_LONGEST_WORDS: Final = 300
# What a cell of a table is; anything else came out of JSON or a column of another type.
_PLAIN: Final = ("str", "int", "float", "bool", "NoneType", "NAType", "NaTType")


@dataclass(frozen=True, slots=True)
class _Cell:
    name: str
    place: int
    value: Any


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows that were refused, as the model was given them."""

    frame: pd.DataFrame
    columns: InputColumns
    categories: Callable[[], Categories]
    takes: Callable[[pd.DataFrame], bool]

    def cells(
        self, mask: Callable[[pd.Series[Any]], Mask], text: bool | None = None
    ) -> Iterator[_Cell]:
        """The first cell of each column that a mask finds.

        Args:
            text: only in columns that are text to the model, or only in others; None: in all.
        """
        for name in self.frame.columns:
            if text is None or (name in self.columns.text) is text:
                column = self.frame[name]
                found = mask(column)
                if found.any():
                    place = int(found.argmax())
                    yield _Cell(str(name), place, column.iloc[place])


def refusal(
    error: BaseException,
    data: Any,
    columns: InputColumns,
    predict: Callable[[Any], Any],
    categories: Callable[[], Categories] = dict,
) -> ColumnsError | None:
    """What to tell the client of an exception of a framework; None: it is not known to be of
    the rows.

    Args:
        data: a table, or an array of its values.
        predict: what raised the exception; asked once more, without the gaps in the rows, where
            the text leaves open whether these or a step of the model are at fault.
        categories: asked for the values that columns may have, where others are refused.
    """
    import pandas as pd

    frame = _frame(data, columns)
    if frame is None or not isinstance(error, Exception):
        return None
    text = str(error)
    for pattern, explain in _KINDS:
        found = pattern.search(text)
        if found is not None:
            takes = partial(_takes, predict, isinstance(data, pd.DataFrame))
            said = explain(_Table(frame, columns, categories, takes), found)
            return (
                None if said is None else ColumnsError(f"{said}. The model says: {_words(found)}")
            )
    return None


def unanswered(values: Any, data: Any) -> ColumnsError | None:
    """What to tell the client of probabilities that are NaN: networks have no other word for gaps.

    Args:
        values: what the model returned, a row for each of ``data``.

    Returns:
        None: not each such row has a gap, or a number that a float32 cannot hold.
    """
    import numpy as np
    import pandas as pd

    frame = _frame(data, UNKNOWN)
    try:
        array = np.asarray(values)
    except ValueError:
        # Lists of different lengths: others tell that it is no array.
        return None
    if frame is None or array.dtype.kind != "f" or array.ndim == 0 or len(array) != len(frame):
        return None
    lost = np.isnan(array).reshape(len(array), -1).any(axis=1)
    limit = float(np.finfo(np.float32).max)
    cells = []
    odd = np.zeros(len(frame), dtype=bool)
    for name in frame.columns:
        column = frame[name]
        mask = _is_missing(column)
        if column.dtype.kind in "fiu":
            mask = mask | (np.abs(column.to_numpy(dtype=float)) > limit)
        odd |= mask
        if (mask & lost).any():
            place = int((mask & lost).argmax())
            cells.append(_Cell(str(name), place, column.iloc[place]))
    if not cells or (lost & ~odd).any():
        return None
    first = min(cells, key=lambda cell: cell.place)
    why = "" if pd.isna(first.value) else ", which is too large for the model"
    return ColumnsError(
        f"{holding(first.name, first.place, first.value)}{why}. The model makes NaN of the "
        "probabilities of such a row."
    )


def _takes(predict: Callable[[Any], Any], as_table: bool, frame: pd.DataFrame) -> bool:
    try:
        predict(frame if as_table else frame.to_numpy())
    except (TypeError, ValueError):
        return False
    return True


def _frame(data: Any, columns: InputColumns) -> pd.DataFrame | None:
    import numpy as np
    import pandas as pd

    if isinstance(data, np.ndarray) and data.ndim == 2:
        named = columns.names is not None and len(columns.names) == data.shape[1]
        return pd.DataFrame(data, columns=list(columns.names or ()) if named else None)
    is_table = isinstance(data, pd.DataFrame) and data.columns.is_unique
    return data if is_table else None


def _words(found: re.Match[str]) -> str:
    """The line of the exception, without native code's place in front of it."""
    start = found.string.rfind("\n", 0, found.start()) + 1
    line = found.string[start:].partition("\n")[0]
    said = line.rpartition("Check failed: valid: ")[2].strip().rstrip(".")
    return cut_off(said, _LONGEST_WORDS) + "."


def _text(table: _Table, found: re.Match[str]) -> str | None:
    shown = found["value"].strip()
    spelled = (shown, shown.removeprefix("np.str_(").removesuffix(")"))
    mask = _each(lambda value: isinstance(value, str | bytes) and repr(value) in spelled)
    return _one_of(table.cells(mask, text=False)) or _one_of(table.cells(mask, text=True))


def _unknown(table: _Table, _found: re.Match[str]) -> str:
    """Where the column cannot be told, the exception's own words have to do."""
    for name, known in table.categories().items():
        if name in table.frame:
            for place, value in enumerate(table.frame[name].tolist()):
                if not _is_among(value, known):
                    return f"{holding(name, place, value)}, which the model does not know"
    return "The rows hold a category that the model does not know"


def _is_among(value: Any, known: Collection[Any]) -> bool:
    if value is None or value != value:
        return any(each is None or each != each for each in known)
    return value in known


def _gap(table: _Table, found: re.Match[str]) -> str | None:
    """Which of several columns was refused is seldom known: an imputer may fill some of them."""
    in_text = found.group() != "contains NaN"
    cells = [*table.cells(_is_missing, in_text)] or [*table.cells(_is_missing)]
    if not cells:
        return None
    if not in_text and not table.takes(_filled(table.frame)):
        return None  # a step of the model makes NaN of other values
    names = listed("column", [cell.name for cell in cells])
    return f"Values are missing in {names}, the first in row {min(c.place for c in cells) + 1}"


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with another value of its column in each gap."""
    import pandas as pd

    filled = frame.copy()
    for name in frame.columns:
        column = frame[name]
        gaps, present = _is_missing(column), column.dropna()
        if gaps.any() and (len(present) or column.dtype.kind == "f"):
            values = column.to_numpy(dtype=object, copy=True)
            values[gaps] = present.iloc[0] if len(present) else 0.0
            filled[name] = pd.Series(values, index=column.index, dtype=column.dtype)
    return filled


def _is_missing(column: pd.Series[Any]) -> Mask:
    return column.isna().to_numpy()


def _infinity(table: _Table, found: re.Match[str]) -> str | None:
    import numpy as np

    largest = float(np.finfo("float64" if found["dtype"] == "float64" else "float32").max)
    return _one_of(
        table.cells(_numbers(lambda value: abs(value) > largest), text=False),
        ", which is too large for the model",
    )


def _fraction(table: _Table, found: re.Match[str]) -> str | None:
    """One fraction makes floats of the whole numbers beside it."""
    whole, fraction = _numbers(lambda value: value == value), _numbers(lambda value: value % 1 > 0)
    cells = [*table.cells(fraction, text=True)] or [*table.cells(whole, text=True)]
    return _gap(table, found) or _one_of(cells, ", which is neither text nor a whole number")


def _negative(table: _Table, _found: re.Match[str]) -> str | None:
    cell = next(table.cells(_numbers(lambda value: value <= 0), text=False), None)
    return None if cell is None else "The model refuses the rows"


def _odd(table: _Table, _found: re.Match[str]) -> str | None:
    mask = _each(lambda value: type(value).__name__ not in _PLAIN)
    return _one_of(table.cells(mask), ", which is neither number nor text")


def _each(wanted: Callable[[Any], bool]) -> Callable[[pd.Series[Any]], Mask]:
    """Cell by cell, of columns that may hold anything."""
    import numpy as np

    def mask(column: pd.Series[Any]) -> Mask:
        if column.dtype.kind in "biuf":
            return np.zeros(len(column), dtype=bool)
        return np.fromiter(map(wanted, column.tolist()), dtype=bool, count=len(column))

    return mask


def _numbers(wanted: Callable[[Any], Any]) -> Callable[[pd.Series[Any]], Mask]:
    """Of columns of numbers."""
    import numpy as np
    import pandas as pd

    def mask(column: pd.Series[Any]) -> Mask:
        return np.asarray(wanted(pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)))

    return mask


def _one_of(cells: Iterable[_Cell], why: str = "") -> str | None:
    for cell in cells:
        return holding(cell.name, cell.place, cell.value) + why
    return None


_KINDS: Final = (
    (_NO_TEXT, _text),
    (_UNKNOWN, _unknown),
    (_NO_GAP, _gap),
    (_NO_INFINITY, _infinity),
    (_NO_FRACTION, _fraction),
    (_NO_NEGATIVE, _negative),
    (_NO_VALUE, _odd),
)
