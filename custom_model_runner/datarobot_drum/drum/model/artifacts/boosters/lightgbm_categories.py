"""Which columns of a LightGBM model are pandas categories.

LightGBM keeps the categories of each such column in the order of the frame, but not which columns
they are. The model's text tells which columns were split by category, and what values each had:
codes of categories are whole numbers from -1 (missing) to one less than there are categories.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

_MARKED: Final = re.compile(r"^\[categorical_feature: (.*)\]$", re.MULTILINE)
_INFOS: Final = re.compile(r"^feature_infos=(.*)$", re.MULTILINE)
_UNUSED: Final = "none"


def columns_of_categories(
    model_text: str, names: Sequence[str], sizes: Sequence[int]
) -> tuple[int, ...]:
    """Positions of the columns that are pandas categories, in their order.

    Args:
        model_text: what ``Booster.model_to_string`` gives.
        names: all columns.
        sizes: how many categories each of the wanted columns has.

    Returns:
        Nothing when the text does not tell: ordered categories are split as numbers are, and
        another column may have looked the same.
    """
    infos = _first(_INFOS, model_text).split(" ")
    marked = _marked(_first(_MARKED, model_text), names)
    if len(infos) != len(names):
        return ()
    bounds = [_bounds(info) for info in infos]
    if len(marked) == len(sizes) and all(
        _fits(bounds[place], size) for place, size in zip(marked, sizes, strict=True)
    ):
        return marked
    return _only_way(bounds, sizes)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _marked(written: str, names: Sequence[str]) -> tuple[int, ...]:
    """``0,3`` or ``name:a,b``."""
    if written.startswith("name:"):
        wanted = {*written.removeprefix("name:").split(",")}
        return tuple(place for place, name in enumerate(names) if name in wanted)
    return tuple(sorted(int(place) for place in written.split(",") if place.isdigit()))


def _bounds(info: str) -> tuple[float, float] | None:
    """Least and greatest value; None when all were the same, which is not written down."""
    if info == _UNUSED:
        return None
    try:
        values = [float(value) for value in info.strip("[]").split(":")]
    except ValueError:
        return (-math.inf, math.inf)
    return (min(values), max(values))


def _fits(bounds: tuple[float, float] | None, size: int) -> bool:
    if bounds is None:
        return True
    least, greatest = bounds
    return least >= -1 and greatest < size and least.is_integer() and greatest.is_integer()


def _only_way(
    bounds: Sequence[tuple[float, float] | None], sizes: Sequence[int]
) -> tuple[int, ...]:
    """The one way to give each size a column, in order: empty when there are others."""
    earliest = _greedy(bounds, sizes)
    count = len(bounds)
    latest = _greedy(bounds[::-1], sizes[::-1])
    backwards = tuple(count - 1 - place for place in reversed(latest))
    return earliest if earliest == backwards else ()


def _greedy(bounds: Sequence[tuple[float, float] | None], sizes: Sequence[int]) -> tuple[int, ...]:
    """Each size gets the first column that fits and comes after the one before."""
    places: list[int] = []
    start = 0
    for size in sizes:
        place = next((p for p in range(start, len(bounds)) if _fits(bounds[p], size)), None)
        if place is None:
            return ()
        places.append(place)
        start = place + 1
    return tuple(places)
