"""A bar is what we want to be true of a figure; here it is printed as held or missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Bar(NamedTuple):
    """``value`` is measured; it should be at least (or at most) ``wanted``."""

    what: str
    value: float
    wanted: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        return self.value <= self.wanted if self.at_most else self.value >= self.wanted


def judge(bars: Mapping[str, Iterable[Bar]]) -> int:
    """Print the bars under the names of what was measured; the exit status: 1 if one is missed."""
    print("\nbars")
    missed = 0
    for name, found in bars.items():
        for bar in found:
            sign = "<=" if bar.at_most else ">="
            verdict = "holds" if bar.holds else "MISSED"
            print(f"{verdict:8}{name:20}{bar.value:>7.2f} {sign} {bar.wanted:<6g}{bar.what}")
            missed += not bar.holds
    return int(missed > 0)
