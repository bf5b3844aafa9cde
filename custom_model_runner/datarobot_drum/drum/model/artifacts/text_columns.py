"""Which columns are text to a scikit-learn model, whatever the text looks like.

The categories that an encoder has seen, the fillers of an imputer and the words of a vectorizer
tell it: a column of codes such as ``07`` and ``A1`` must not be read as numbers only because a
request has no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.utils.gaps import MISSING

_VECTORIZERS: Final = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")


class TextColumns(NamedTuple):
    """``none_for_missing``: those where the model has seen None for a missing value, not NaN.
    ``flags``: no text, but objects as well: truth values, some of them missing. ``numbers``:
    categories that are numbers or truth values. ``gap_words``: see ``InputColumns``.
    """

    names: frozenset[str] = frozenset()
    none_for_missing: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    gap_words: frozenset[tuple[str, str]] = frozenset()

    def plus(self, other: TextColumns) -> TextColumns:
        return TextColumns(
            self.names | other.names,
            self.none_for_missing | other.none_for_missing,
            self.flags | other.flags,
            self.numbers | other.numbers,
            self.gap_words | other.gap_words,
        )

    def among(self, names: Sequence[str]) -> TextColumns:
        wanted = {*names}
        return TextColumns(
            self.names & wanted,
            self.none_for_missing & wanted,
            self.flags & wanted,
            self.numbers & wanted,
            frozenset((name, word) for name, word in self.gap_words if name in wanted),
        )


NO_TEXT: Final = TextColumns()
# A step, and the columns that it is given: None is none of the table's own.
Part: TypeAlias = "tuple[Any, Sequence[str | None]]"


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
            found = found.plus(_of_values(seen_values(step), given))
    return found.among(names)


def parts_of(step: Any, names: Sequence[str | None]) -> Iterator[Part]:
    """A fitted step and all steps inside of it, each with the columns that it is given."""
    if isinstance(step, str) or step is None:
        return
    if is_a(step, "sklearn", "Pipeline"):
        yield from parts_of_steps([inner for _, inner in step.steps], names)
        return
    for inner, given in _inside(step, names):
        yield from parts_of(inner, given)
    yield step, names


def parts_of_steps(steps: Sequence[Any], names: Sequence[str | None]) -> Iterator[Part]:
    """Of the first steps by position; of later ones where they remember names of their own."""
    known = True
    for step in steps:
        own = _remembered(step)
        if known or own:
            for part, given in parts_of(step, own or names):
                # What a step in front has made has names as well.
                yield part, [name if name in names else None for name in given]
        known = known and _keeps_columns(step)


def _inside(step: Any, names: Sequence[str | None]) -> Iterator[Part]:
    """The parts that a step hands its columns on to, and which of them."""
    # Gradient boosting on histograms keeps its encoder to itself.
    step = getattr(step, "_preprocessor", None) or step
    if is_a(step, "sklearn", "ColumnTransformer"):
        for _, inner, columns in step.transformers_:
            yield inner, _resolved(columns, names)
    elif is_a(step, "sklearn", "FeatureUnion"):
        for _, inner in step.transformer_list:
            yield inner, names
    elif hasattr(step, "estimators_features_"):  # bagging: by place, and without names
        for inner, places in zip(step.estimators_, step.estimators_features_, strict=False):
            yield inner, [names[place] for place in places]


def _remembered(step: Any) -> list[str]:
    """The names that a later step was fitted on, if a frame went through the steps before."""
    names = fitted(step, "feature_names_in_")
    return list(map(str, names)) if isinstance(names, Iterable) else []


def fitted(model: Any, name: str) -> Any:
    """An attribute of a fitted model; None where it has none."""
    try:
        return getattr(model, name, None)
    # It may be a property, of a user's class too, that asks for what is not there.
    except Exception:
        return None


def _keeps_columns(step: Any) -> bool:
    """Its output has the columns of its input, so that the next step's are known by name."""
    if step is None or isinstance(step, str):
        return True
    if not is_a(step, "sklearn", "SimpleImputer") or step.add_indicator:
        return False
    # A column without any value is left out.
    return not any(value is None or value != value for value in step.statistics_.tolist())


def _resolved(columns: Any, names: Sequence[str | None]) -> list[str | None]:
    """The names behind a ColumnTransformer's choice; none where it is something unusual."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, slice):
        return list(names[_by_place(columns, names)])
    if not isinstance(columns, Iterable):
        return [names[columns]] if isinstance(columns, int) else []
    chosen = columns.tolist() if hasattr(columns, "tolist") else list(columns)
    if chosen and all(isinstance(each, bool) for each in chosen):
        return [name for name, taken in zip(names, chosen, strict=False) if taken]
    return [each if isinstance(each, str) else names[int(each)] for each in chosen]


def _by_place(columns: slice, names: Sequence[str | None]) -> slice:
    """A slice by names takes its last one, too."""
    start, stop = columns.start, columns.stop
    if isinstance(start, str):
        start = [*names].index(start)
    if isinstance(stop, str):
        stop = [*names].index(stop) + 1
    return slice(start, stop, columns.step)


def is_vectorizer(step: Any) -> bool:
    return any(is_a(step, "sklearn", name) for name in _VECTORIZERS)


def seen_values(step: Any) -> Sequence[Sequence[Any]]:
    """The values that a step has seen or fills in, for each of its columns."""
    if is_a(step, "category_encoders", "BaseEncoder"):
        return _seen_by_category_encoder(step)
    categories = getattr(step, "categories_", None)
    if isinstance(categories, list | tuple):
        return [getattr(each, "tolist", lambda each=each: list(each))() for each in categories]
    statistics = getattr(step, "statistics_", None)
    if statistics is not None and statistics.dtype.kind == "O":
        gap = [None] if step.missing_values is None else []
        return [[value, *gap] for value in statistics.tolist()]
    return []


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


def _of_values(values: Sequence[Sequence[Any]], names: Sequence[str | None]) -> TextColumns:
    if len(values) != len(names):
        return NO_TEXT
    text, none, flags, numbers = set(), set(), set(), set()
    words: set[tuple[str, str]] = set()
    for name, seen in zip(names, values, strict=True):
        if name is None:
            continue
        kinds = {type(value) for value in seen if not _is_missing(value)}
        missing = [value for value in seen if _is_missing(value)]
        if kinds == {str}:
            text.add(name)
            words |= gap_words(name, seen)
        elif kinds == {bool} and missing:
            flags.add(name)
        if kinds and kinds <= {bool, float, int}:
            numbers.add(name)
        if name in text | flags and missing and all(value is None for value in missing):
            none.add(name)
    return TextColumns(
        frozenset(text), frozenset(none), frozenset(flags), frozenset(numbers), frozenset(words)
    )


def gap_words(name: str, values: Iterable[Any]) -> set[tuple[str, str]]:
    """An empty cell is a gap in any case."""
    texts = (value for value in values if isinstance(value, str))
    return {(name, value) for value in texts if value in MISSING and value}


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
