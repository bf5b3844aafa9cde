"""Which columns are text to a scikit-learn model, whatever the text looks like.

The categories that an encoder has seen, the fillers of an imputer and the words of a vectorizer
tell it: a column of codes such as ``07`` and ``A1`` must not be read as numbers only because a
request has no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.lineage import Part, parts_of, parts_of_steps, words_of
from datarobot_drum.drum.model.column_kinds import Dates
from datarobot_drum.drum.utils.gaps import gap_words

_VECTORIZERS: Final = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")


class TextColumns(NamedTuple):
    """``none_for_missing``: those where the model has seen None for a missing value, not NaN.
    ``numbers``: categories that are numbers or truth values. ``flags``: those of them that are
    objects to the model. ``gap_words``, ``dates``: see ``InputColumns``.
    """

    names: frozenset[str] = frozenset()
    none_for_missing: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    gap_words: frozenset[tuple[str, str]] = frozenset()
    dates: Mapping[str, Dates] = MappingProxyType({})

    def plus(self, other: TextColumns) -> TextColumns:
        return TextColumns(
            self.names | other.names,
            self.none_for_missing | other.none_for_missing,
            self.flags | other.flags,
            self.numbers | other.numbers,
            self.gap_words | other.gap_words,
            {**self.dates, **other.dates},
        )

    def among(self, names: Sequence[str]) -> TextColumns:
        wanted = {*names}
        return TextColumns(
            self.names & wanted,
            self.none_for_missing & wanted,
            self.flags & wanted,
            self.numbers & wanted,
            frozenset((name, word) for name, word in self.gap_words if name in wanted),
            {name: kind for name, kind in self.dates.items() if name in wanted},
        )


NO_TEXT: Final = TextColumns()


def text_columns(step: Any, names: Sequence[str]) -> TextColumns:
    """Those among the columns that a fitted step is given.

    Args:
        names: the columns in the order in which the step gets them.
    """
    return _text_of(parts_of(step, names), names)


def text_of_steps(steps: Sequence[Any], names: Sequence[str]) -> TextColumns:
    """The same of the steps of a pipeline."""
    return _text_of(parts_of_steps(steps, names), names)


def _text_of(parts: Iterable[Part], names: Sequence[str]) -> TextColumns:
    found = NO_TEXT
    for step, given in parts:
        if is_vectorizer(step):
            found = found.plus(TextColumns(frozenset(name for name in given if name is not None)))
        else:
            found = found.plus(_of_values(seen_values(step), given, _of_objects(step)))
    return found.among(names)


def is_vectorizer(step: Any) -> bool:
    return any(is_a(step, "sklearn", name) for name in _VECTORIZERS)


def seen_values(step: Any) -> Sequence[Sequence[Any]]:
    """The values that a step has seen or fills in, for each of its columns."""
    if is_a(step, "category_encoders", "BaseEncoder"):
        return _seen_by_category_encoder(step)
    if is_a(step, "sklearn", "DictVectorizer"):
        return list(words_of(step).values())
    categories = getattr(step, "categories_", None)
    if isinstance(categories, list | tuple):
        return [_listed(each) for each in categories]
    statistics = getattr(step, "statistics_", None)
    if statistics is not None and statistics.dtype.kind == "O":
        gap = [None] if step.missing_values is None else []
        return [[value, *gap] for value in statistics.tolist()]
    return []


def _listed(values: Any) -> list[Any]:
    if getattr(getattr(values, "dtype", None), "kind", "") == "M":
        import pandas as pd

        return pd.DatetimeIndex(values).tolist()  # numpy makes whole numbers of some
    return getattr(values, "tolist", lambda: list(values))()


def _seen_by_category_encoder(step: Any) -> Sequence[Sequence[Any]]:
    """It encodes some of its columns, and remembers the values of those."""
    mapping = getattr(getattr(step, "ordinal_encoder", step), "mapping", None)
    if isinstance(mapping, dict):
        seen = {str(name): list(getattr(each, "index", ())) for name, each in mapping.items()}
    elif mapping is None:  # it keeps no values, but looks at their text
        seen = {str(name): ["text"] for name in getattr(step, "cols", None) or ()}
    else:
        seen = {str(each["col"]): list(getattr(each["mapping"], "index", ())) for each in mapping}
    return [seen.get(str(name), []) for name in getattr(step, "feature_names_in_", ())]


def _of_objects(step: Any) -> Iterator[bool]:
    """For each column of an encoder whether it compares with objects, and takes no arrays of
    numbers for these.
    """
    categories = getattr(step, "categories_", None)
    for each in categories if isinstance(categories, list | tuple) else ():
        yield getattr(getattr(each, "dtype", None), "kind", "") == "O"


def _of_values(
    values: Sequence[Sequence[Any]], given: Sequence[str | None], objects: Iterable[bool]
) -> TextColumns:
    if len(given) > len(values):
        return NO_TEXT
    text, none, flags, numbers = set(), set(), set(), set()
    words: set[tuple[str, str]] = set()
    dates: dict[str, Dates] = {}
    for name, seen, is_object in zip(given, values, chain(objects, repeat(False)), strict=False):
        if name is None:
            continue
        there = [value for value in seen if not _is_missing(value)]
        kinds = {type(value) for value in there}
        missing = [value for value in seen if _is_missing(value)]
        if there and all(isinstance(value, date) for value in there):
            dates |= _dates(name, there)
        elif kinds == {str}:
            text.add(name)
            words |= gap_words(name, seen)
        elif kinds and kinds <= {bool, float, int}:
            numbers.add(name)
            if is_object:
                flags.add(name)
        if name in text | flags and missing and all(value is None for value in missing):
            none.add(name)
    return TextColumns(
        frozenset(text),
        frozenset(none),
        frozenset(flags),
        frozenset(numbers),
        frozenset(words),
        dates,
    )


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | date) and value != value)


def _dates(name: str, values: Sequence[Any]) -> dict[str, Dates]:
    """Moments and days side by side are left to the model."""
    moments = [value for value in values if isinstance(value, datetime)]
    if not moments:
        return {name: Dates.DAYS}
    zoned = {value.tzinfo is not None for value in moments}
    if len(moments) < len(values) or len(zoned) > 1:
        return {}
    return {name: Dates.ZONED if zoned.pop() else Dates.MOMENTS}
