"""Columns that code of the user's in front of a model replaces by others of the same name.

A function that makes ``f`` and ``m`` of the numbers in ``sex`` leaves an encoder behind it that has
seen texts, while the table's own column holds numbers all the same. Nothing but the function can
tell: when the model is loaded it is given rows made for it, with numbers and with texts in each
column.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

# Such as codes, counts, ages, shares: a function may know some of them only.
_NUMBERS: Final = (0, 1, 2, 3, 5, 10, 18, 40, 70, 100, 1000)
_TEXTS: Final = ("0", "1", "2", "07", "10", "a", "b", "A", "B", "no", "yes")
# Each costs two calls.
_MOST_COLUMNS: Final = 64


def made_columns(steps: Sequence[Any], given: Sequence[str], names: Sequence[str]) -> set[str]:
    """Those among ``names`` that come out of the steps as another kind than went in.

    A column that goes through unchanged as either kind is the table's, and so is one of which
    made rows tell nothing.

    Args:
        steps: code of the user's, one behind the other.
        given: the columns that the first of them was fitted on.
        names: of columns that come out of the last, and are called like some of these.
    """
    if len(names) > _MOST_COLUMNS:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name for name in names if _is_made(steps, given, name, names)}


def attempted(call: Callable[..., Any], *args: Any) -> Any:
    """What code of the user's returns; None where it raises."""
    try:
        return call(*args)
    # It was not written for rows that were made, and raises what it likes.
    except Exception:
        return None


def _is_made(steps: Sequence[Any], given: Sequence[str], name: str, texts: Collection[str]) -> bool:
    of_numbers = _kind_of(_passed(steps, _frame(given, {*texts} - {name})), name)
    of_texts = _kind_of(_passed(steps, _frame(given, texts)), name)
    changes = of_numbers == "texts" or of_texts == "numbers"
    return changes and of_numbers != "unchanged" and of_texts != "unchanged"


def _frame(names: Sequence[str], texts: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: _TEXTS if name in texts else _NUMBERS for name in names})


def _passed(steps: Sequence[Any], frame: Any) -> Any:
    for step in steps:
        frame = None if frame is None else attempted(step.transform, frame)
    return frame


def _kind_of(frame: Any, name: str) -> str | None:
    """What became of a column: ``unchanged``, ``texts``, ``numbers``; None where nothing did."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame) or list(frame.columns).count(name) != 1:
        return None
    values = frame[name].dropna().tolist()
    if tuple(values) in (_NUMBERS, _TEXTS):
        return "unchanged"
    kinds = {isinstance(value, str) for value in values}
    if len(kinds) != 1:
        return None
    return "texts" if kinds == {True} else "numbers"
