"""What scikit-learn's models, and those that behave like them, remember of their columns.

A model is asked as it would ask itself: a pipeline goes by its first step, a search by the
estimator that it found, an ensemble by its members; a ColumnTransformer needs only the columns
that it uses, and ignores others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.boosters.columns import booster_columns_of
from datarobot_drum.drum.model.artifacts.lineage import (
    fitted,
    handed_on,
    members,
    parts_of,
    reaching,
)
from datarobot_drum.drum.model.artifacts.own_code import is_all_own
from datarobot_drum.drum.model.artifacts.text_columns import (
    NO_TEXT,
    TextColumns,
    is_vectorizer,
    seen_values,
    text_columns,
    text_of_steps,
)
from datarobot_drum.drum.model.columns import UNKNOWN, Extras, InputColumns
from datarobot_drum.drum.utils.spelling import Spelling

# They hold rows to the names that they were fitted on, as scikit-learn does.
_LIBRARIES: Final = frozenset(
    {"catboost", "category_encoders", "imblearn", "lightgbm", "sklearn", "xgboost"}
)
_EMPTY: Final[frozenset[str]] = frozenset()
# The one column of a model of texts, whatever a request calls it.
_TEXTS: Final = ("0",)


def sklearn_columns(model: Any) -> InputColumns:
    """Of a fitted estimator, transformer, pipeline or search."""
    columns = _columns(model) or UNKNOWN
    # What code of the user's makes dates of comes in a form of its own, such as 31/01/2024.
    return replace(columns, dates={}) if columns.dates and not is_all_own(model) else columns


def takes_texts(model: Any) -> bool:
    """Whether a model takes a sequence of texts, as a vectorizer does, and no table.

    A table would be taken for the sequence of its column names.
    """
    if is_a(model, "sklearn", "Pipeline"):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        # What cleans texts in front of a vectorizer has seen no table.
        cleaners = (is_a(step, "sklearn", "FunctionTransformer") for step in steps)
        first = next(
            (
                step
                for step, cleans in zip(steps, cleaners, strict=False)
                if not cleans or fitted(step, "n_features_in_") is not None
            ),
            None,
        )
        return takes_texts(first)
    if is_a(model, "sklearn", "FeatureUnion"):
        return all(takes_texts(step) for _, step in model.transformer_list if step != "drop")
    inside = members(model)
    return all(map(takes_texts, inside)) if inside else is_vectorizer(model)


def strict_categories(model: Any) -> dict[str, list[Any]]:
    """Column -> the values that an encoder has seen, where it raises for others."""
    found: dict[str, list[Any]] = {}
    for member in members(model):
        found |= strict_categories(member)
    names = sklearn_columns(model).names or ()
    for step, given in parts_of(model, names):
        if getattr(step, "handle_unknown", None) == "error":
            seen = zip(given, seen_values(step), strict=False)
            found |= {name: list(values) for name, values in seen if name is not None and values}
    return found


def _columns(model: Any) -> InputColumns | None:
    if takes_texts(model):
        return InputColumns(_TEXTS, generated=True, text=frozenset(_TEXTS))
    known = booster_columns_of(model)
    if known is not None:
        return known
    if is_a(model, "sklearn", "Pipeline"):
        return _of_pipeline([step for _, step in model.steps if step not in (None, "passthrough")])
    if is_a(model, "sklearn", "ColumnTransformer"):
        return _of_column_transformer(model)
    if is_a(model, "sklearn", "FeatureUnion"):
        return _of_all([step for _, step in model.transformer_list if step != "drop"])
    inside = [] if getattr(model, "passthrough", False) is True else members(model)
    # A member that was given arrays has forgotten the names.
    return (_of_all(inside) if inside else None) or _own(model)


def _of_pipeline(steps: Sequence[Any]) -> InputColumns | None:
    """A pipeline goes by its first step; later ones may know of the columns what it does not."""
    # Samplers of imbalanced-learn only work in training.
    steps = [step for step in steps[:-1] if hasattr(step, "transform")] + [*steps[-1:]]
    columns = _columns(steps[0]) if steps else None
    if columns is None:
        return _behind_own_code(steps) if steps else None
    names = columns.names
    if names is None:
        return columns
    columns = _with_text(columns, _text_of(columns).plus(text_of_steps(steps, names)))
    for step, given in [*reaching(steps, names)][1:]:
        later = _columns(step)
        if later is not None and later.names is not None:
            passed = dict(zip(later.names, given, strict=False))
            own = {name: own for name, own in passed.items() if own is not None}
            columns = _with_kinds_of([columns, _renamed(later, own)])
    return columns


def _behind_own_code(steps: Sequence[Any]) -> InputColumns | None:
    """A class of the user's that remembers nothing stands in front: only what the step behind it
    knows of the kinds of columns is known, of those that go through under their names.
    """
    known = _of_pipeline(steps[1:])
    if known is None or known.names is None or handed_on(steps[0], ()) is not None:
        return None
    (_, given), *_ = [*reaching([steps[0], *steps[1:]], known.names)][1:]
    passed = {name: name for name in given if name is not None}
    kinds = _with_kinds_of([UNKNOWN, _renamed(known, passed)])
    return None if kinds == UNKNOWN else kinds


def _own(model: Any) -> InputColumns | None:
    names = fitted(model, "feature_names_in_")
    if names is None:
        count = fitted(model, "n_features_in_") if _is_sklearns(model) else None
        return None if count is None else _nameless(model, int(count))
    names = tuple(map(str, names))
    columns = _with_text(InputColumns(names), text_columns(model, names))
    looks = is_a(model, "sklearn", "FunctionTransformer") and not model.validate
    if looks or not _is_of_a_library(model):
        # The function, or a class of the user's, looks at the frame itself.
        return replace(columns, required=frozenset(), extras=Extras.KEPT)
    return columns


def _of_column_transformer(model: Any) -> InputColumns | None:
    names = fitted(model, "feature_names_in_")
    if names is None:
        count = fitted(model, "n_features_in_")
        return None if count is None else _nameless(model, int(count))
    names = tuple(map(str, names))
    used = _used(model, names)
    columns = InputColumns(names, required=used, extras=Extras.DROPPED)
    return _with_text(columns, text_columns(model, names))


def _nameless(model: Any, count: int) -> InputColumns:
    """Columns by position; numbered where the model knows that some of them are text."""
    names = tuple(map(str, range(count)))
    text = text_columns(model, names)
    if text == NO_TEXT:
        return InputColumns(count=count)
    return _with_text(InputColumns(names, generated=True), text)


def _used(model: Any, names: Sequence[str]) -> frozenset[str] | None:
    """The columns that a ColumnTransformer looks at; None where that cannot be told."""
    places = getattr(model, "_transformer_to_input_indices", None)
    if places is None:
        return None
    steps = {name: step for name, step, _ in model.transformers_}
    kept = [at for name, at in places.items() if steps.get(name, "drop") != "drop"]
    return frozenset(names[place] for at in kept for place in at)


def _of_all(members: Iterable[Any]) -> InputColumns | None:
    """Of several that are given the same rows: each has to get what it wants."""
    found = [_columns(member) for member in members]
    named = [columns for columns in found if columns is not None and columns.names is not None]
    if len(named) < len(found) or not named:
        return next((columns for columns in found if columns is not None), None)
    # Where some have changed the names, the others know them as they were.
    first = min(named, key=lambda columns: columns.spelling is not Spelling.AS_IT_IS)
    alike = [_with_names_of(first, columns) for columns in named]
    kinds = {columns.extras for columns in alike}
    return replace(
        _with_kinds_of([first, *alike]),
        required=_union(columns.required for columns in alike),
        extras=next(
            kind for kind in (Extras.REFUSED, Extras.KEPT, Extras.DROPPED) if kind in kinds
        ),
        objects=all(columns.objects for columns in alike),
    )


def _with_kinds_of(columns: Sequence[InputColumns]) -> InputColumns:
    """The first, with what the others know of the kinds of its columns."""
    return replace(
        columns[0],
        text=_EMPTY.union(*(each.text for each in columns)),
        gap_words=frozenset(pair for each in columns for pair in each.gap_words),
        booleans=_EMPTY.union(*(each.booleans for each in columns)),
        numbers=_EMPTY.union(*(each.numbers for each in columns)),
        takes_numbers_in_text=any(each.takes_numbers_in_text for each in columns),
        flags=_EMPTY.union(*(each.flags for each in columns)),
        none_for_missing=_EMPTY.union(*(each.none_for_missing for each in columns)),
        dates={name: kind for each in columns for name, kind in each.dates.items()},
        categories={name: kind for each in columns for name, kind in each.categories.items()},
    )


def _with_names_of(first: InputColumns, other: InputColumns) -> InputColumns:
    """The same columns under the names of ``first``; they stand in one order."""
    if other.names == first.names or other.names is None or first.names is None:
        return other
    return _renamed(other, dict(zip(other.names, first.names, strict=False)))


def _renamed(columns: InputColumns, names: Mapping[str, str]) -> InputColumns:
    """What is known of the kinds of columns, under other names; those without one are left out."""

    def renamed(chosen: frozenset[str]) -> frozenset[str]:
        return frozenset(names[name] for name in chosen if name in names)

    required = columns.required
    return replace(
        columns,
        required=None if required is None else renamed(required),
        text=renamed(columns.text),
        gap_words=frozenset(
            (names[name], word) for name, word in columns.gap_words if name in names
        ),
        booleans=renamed(columns.booleans),
        flags=renamed(columns.flags),
        numbers=renamed(columns.numbers),
        none_for_missing=renamed(columns.none_for_missing),
        dates={names[name]: kind for name, kind in columns.dates.items() if name in names},
        categories={
            names[name]: kind for name, kind in columns.categories.items() if name in names
        },
    )


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    union: frozenset[str] = frozenset()
    for names in sets:
        if names is None:
            return None
        union |= names
    return union


def _with_text(columns: InputColumns, text: TextColumns) -> InputColumns:
    return replace(
        columns,
        text=text.names,
        gap_words=text.gap_words,
        none_for_missing=text.none_for_missing,
        flags=text.flags,
        numbers=text.numbers,
        dates=text.dates,
    )


def _text_of(columns: InputColumns) -> TextColumns:
    return TextColumns(
        columns.text,
        columns.none_for_missing,
        columns.flags,
        columns.numbers,
        columns.gap_words,
        columns.dates,
    )


def _is_of_a_library(model: Any) -> bool:
    """Not a class of the user's own, which may take of a frame what it likes."""
    return type(model).__module__.partition(".")[0] in _LIBRARIES


def _is_sklearns(model: Any) -> bool:
    return type(model).__module__.startswith("sklearn.")
