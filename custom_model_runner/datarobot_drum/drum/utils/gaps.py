"""What stands for a missing value in a CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

# pandas' default missing values, from the documentation of read_csv.
MISSING: Final = frozenset(
    (
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    )
)


def gap_words(name: str, values: Iterable[Any]) -> set[tuple[str, str]]:
    """The words among a column's values that stand for a gap elsewhere, each with the column's
    name; an empty cell is a gap in any case.
    """
    texts = (value for value in values if isinstance(value, str))
    return {(name, value) for value in texts if value in MISSING and value}
