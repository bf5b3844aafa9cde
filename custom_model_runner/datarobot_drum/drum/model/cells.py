"""Cells of a table in an error's text: which column and row, and what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

# A text that quotes more names than this helps nobody.
_MOST_NAMED: Final = 5


def listed(noun: str, names: Sequence[str]) -> str:
    """``column 'a'``, or ``columns 'a', 'b' and 3 more``."""
    more = len(names) - _MOST_NAMED
    shown = ", ".join(map(quoted, names[:_MOST_NAMED]))
    return f"{noun}{'s' * (len(names) > 1)} {shown}" + (f" and {more} more" if more > 0 else "")


def quoted(name: str) -> str:
    return f"'{cut_off(name)}'"


def cut_off(text: str, longest: int = 80) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def holding(name: Any, place: int, value: Any) -> str:
    """``Column 'a' holds 'abc' in row 3``; the first row below a header is row 1.

    Args:
        place: of the row, from 0.
    """
    if value is None or value != value:
        return f"Column {quoted(str(name))} has no value in row {place + 1}"
    item = value.item() if callable(getattr(value, "item", None)) else value
    return f"Column {quoted(str(name))} holds {cut_off(repr(item))} in row {place + 1}"
