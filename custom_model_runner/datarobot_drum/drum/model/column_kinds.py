"""A column as the kind that the model knows it as, whatever stands beside it in a request.

One text among numbers makes texts of them all in a CSV, but not in JSON; and numbers alone in a
column of text are numbers in JSON, but not in a CSV.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)
_NUMBER: Final = re.compile(
    r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*", re.ASCII
)
_WORDS: Final = {
    **dict.fromkeys(("True", "TRUE", "true"), True),
    **dict.fromkeys(("False", "FALSE", "false"), False),
}


def as_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Texts that are numbers or truth values as these; all else stays, and so does the dtype of
    a column that holds no text.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype) or not any(
        isinstance(value, str) for value in column.tolist()
    ):
        return column
    values = [_number(value) if isinstance(value, str) else value for value in column.tolist()]
    changed = pd.Series(values, index=column.index, name=column.name, dtype=object)
    return changed.infer_objects()


def as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers and truth values as their text; a column without any value gets the dtype of text."""
    import pandas as pd

    kind = column.dtype.kind
    if kind in "biuf":
        if column.isna().all():
            return column.astype(pd.Series(["text"]).dtype)
        return column.map(_text, na_action="ignore")
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) == "string":
        return column
    return column.map(_text, na_action="ignore")


def _number(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else _WORDS.get(text, text)


def _text(value: Any) -> Any:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return str(bool(value))
    if isinstance(value, float):
        # A gap, or a fraction beside it, makes floats of whole numbers.
        return repr(int(value)) if value.is_integer() else repr(float(value))
    return repr(int(value)) if isinstance(value, int) else value
