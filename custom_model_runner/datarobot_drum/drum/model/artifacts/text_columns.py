"""Which columns are text to a scikit-learn model, whatever the text looks like.

The categories that an encoder has seen, the fillers of an imputer and the words of a vectorizer
tell it: a column of codes such as ``07`` and ``A1`` must not be read as numbers only because a
request has no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.model.artifacts.base import is_a

_VECTORIZERS: Final = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")


class TextColumns(NamedTuple):
    """``none_for_missing``: those where the model has seen None for a missing value, not NaN."""

    names: frozenset[str] = frozenset()
    none_for_missing: frozenset[str] = frozenset()

    def plus(self, other: TextColumns) -> TextColumns:
        return TextColumns(self.names | other.names, self.none_for_missing | other.none_for_missing)


NO_TEXT: Final = TextColumns()


def text_columns(step: Any, names: Sequence[str]) -> TextColumns:
    """Those among the columns that a fitted step is given.

    Args:
        names: the columns in the order in which the step gets them.
    """
    found = NO_TEXT
    if isinstance(step, str) or step is None:
        return found
    if is_a(step, "sklearn", "Pipeline"):
        return _of_pipeline([inner for _, inner in step.steps], names)
    if is_a(step, "sklearn", "ColumnTransformer"):
        for _, inner, columns in step.transformers_:
            found = found.plus(text_columns(inner, _resolved(columns, names)))
        return found
    if is_a(step, "sklearn", "FeatureUnion"):
        for _, inner in step.transformer_list:
            found = found.plus(text_columns(inner, names))
        return found
    if is_vectorizer(step):
        return TextColumns(frozenset(names))
    # Gradient boosting on histograms keeps its encoder to itself.
    preprocessor = getattr(step, "_preprocessor", None)
    if is_a(preprocessor, "sklearn", "ColumnTransformer"):
        return text_columns(preprocessor, names)
    return _of_values(_seen(step), names)


def takes_texts(model: Any) -> bool:
    """Whether a model takes a sequence of texts, as a vectorizer does, and no table.

    A table would be taken for the sequence of its column names.
    """
    if is_a(model, "sklearn", "Pipeline"):
        return bool(model.steps) and takes_texts(model.steps[0][1])
    if is_a(model, "sklearn", "BaseSearchCV"):
        return takes_texts(getattr(model, "best_estimator_", None))
    if is_a(model, "sklearn", "FeatureUnion"):
        return all(takes_texts(step) for _, step in model.transformer_list)
    return is_vectorizer(model)


def _of_pipeline(steps: Sequence[Any], names: Sequence[str]) -> TextColumns:
    found = NO_TEXT
    for step in steps:
        found = found.plus(text_columns(step, names))
        if not _keeps_columns(step):
            break
    return found


def _keeps_columns(step: Any) -> bool:
    """Its output has the columns of its input, so that the next step's are known by name."""
    if step is None or isinstance(step, str):
        return True
    if not is_a(step, "sklearn", "SimpleImputer") or step.add_indicator:
        return False
    # A column without any value is left out.
    return not any(value is None or value != value for value in step.statistics_.tolist())


def _resolved(columns: Any, names: Sequence[str]) -> list[str]:
    """The names behind a ColumnTransformer's choice; none where it is something unusual."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            return []
        return list(names[columns])
    if not isinstance(columns, Iterable):
        return [names[columns]] if isinstance(columns, int) else []
    chosen = columns.tolist() if hasattr(columns, "tolist") else list(columns)
    if chosen and all(isinstance(each, bool) for each in chosen):
        return [name for name, taken in zip(names, chosen, strict=False) if taken]
    return [each if isinstance(each, str) else names[int(each)] for each in chosen]


def is_vectorizer(step: Any) -> bool:
    return any(is_a(step, "sklearn", name) for name in _VECTORIZERS)


def _seen(step: Any) -> Sequence[Sequence[Any]]:
    """The values that a step has seen or fills in, for each of its columns."""
    if is_a(step, "category_encoders", "BaseEncoder"):
        return _seen_by_category_encoder(step)
    categories = getattr(step, "categories_", None)
    if isinstance(categories, list | tuple):
        return [getattr(each, "tolist", lambda each=each: list(each))() for each in categories]
    statistics = getattr(step, "statistics_", None)
    if statistics is not None and statistics.dtype.kind == "O":
        return [[value] for value in statistics.tolist()]
    return []


def _seen_by_category_encoder(step: Any) -> Sequence[Sequence[Any]]:
    """It encodes some of its columns, and remembers the values of those."""
    mapping = getattr(getattr(step, "ordinal_encoder", step), "mapping", None) or ()
    seen = {
        str(each["col"]): list(each["mapping"].index)
        for each in mapping
        if isinstance(each, dict) and hasattr(each.get("mapping"), "index")
    }
    return [seen.get(str(name), []) for name in getattr(step, "feature_names_in_", ())]


def _of_values(values: Sequence[Sequence[Any]], names: Sequence[str]) -> TextColumns:
    if len(values) != len(names):
        return NO_TEXT
    text, none = [], []
    for name, seen in zip(names, values, strict=True):
        present = [value for value in seen if not _is_missing(value)]
        if not present or not all(type(value) is str for value in present):
            continue
        text.append(name)
        missing = [value for value in seen if _is_missing(value)]
        if missing and all(value is None for value in missing):
            none.append(name)
    return TextColumns(frozenset(text), frozenset(none))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
