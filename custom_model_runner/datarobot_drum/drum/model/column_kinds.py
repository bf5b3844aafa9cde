"""A column as the kind that the model knows it as, whatever stands beside it in a request.

One text among numbers makes texts of them all in a CSV, but not in JSON; and numbers alone in a
column of text are numbers in JSON, but not in a CSV.
"""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.cells import holding

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


class Dates(Enum):
    """What a model knows the values of a column of dates as."""

    MOMENTS = "moments"
    ZONED = "moments of a time zone"
    DAYS = "days"


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


def as_dates(column: pd.Series[Any], kind: Dates) -> pd.Series[Any]:
    """Texts that are dates (ISO 8601) as these: a CSV or a JSON has no other way to say one.

    Raises:
        ColumnsError: a value is no date, or one without the time zone that the model's have.
    """
    import pandas as pd

    if column.dtype.kind == "M" and kind is not Dates.DAYS:
        return column
    missing, values = column.isna().tolist(), column.astype(object).tolist()
    known: dict[Any, Any] = {}
    found: list[Any] = []
    for place, (value, is_missing) in enumerate(zip(values, missing, strict=True)):
        if is_missing:
            found.append(None)
            continue
        if not isinstance(value, str | date):
            raise _no_date(column, place, kind)
        if value not in known:
            known[value] = _date(value, kind)
        if known[value] is None:
            raise _no_date(column, place, kind)
        found.append(known[value])
    if kind is Dates.DAYS:
        days = pd.Series(found, index=column.index, name=column.name, dtype=object)
        return days.where(column.notna(), column.astype(object))
    zone = "UTC" if kind is Dates.ZONED else None
    moments = pd.DatetimeIndex(found, tz=zone)
    return pd.Series(moments, index=column.index, name=column.name)


def _date(value: Any, kind: Dates) -> Any:
    """None where it is no date of that kind."""
    import pandas as pd

    try:
        moment = pd.to_datetime(value, format="ISO8601" if isinstance(value, str) else None)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment is pd.NaT:
        return None
    zoned = moment.tzinfo is not None
    if kind is Dates.DAYS:
        return moment.date() if not zoned and moment == moment.normalize() else None
    if zoned != (kind is Dates.ZONED):
        return None
    return moment.tz_convert("UTC") if zoned else moment


def _no_date(column: pd.Series[Any], place: int, kind: Dates) -> ColumnsError:
    examples = {
        Dates.MOMENTS: "2024-01-31 or 2024-01-31T09:30:00",
        Dates.ZONED: "2024-01-31T09:30:00+01:00",
        Dates.DAYS: "2024-01-31",
    }
    return ColumnsError(
        f"{holding(column.name, place, column.iloc[place])}, but the model takes dates such as "
        f"{examples[kind]}."
    )


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
