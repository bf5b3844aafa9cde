"""Which of a table's columns reach each step of a fitted scikit-learn model, and where.

A column that a step hands on as it is stays the table's, at whatever place and under whatever
name (``remainder__code``); what a step has made is none of the table's, also where it bears the
name of one. Behind code of the user's columns are known by their names only.
"""

from __future__ import annotations

from collections import UserList
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Final, TypeAlias

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.boosters.columns import booster_columns_of
from datarobot_drum.drum.model.artifacts.made_columns import attempted, made_columns

# The columns that a step is given, in its order: None is none of the table's own, and so is
# whatever stands behind the last of them.
Given: TypeAlias = "Sequence[str | None]"
Part: TypeAlias = "tuple[Any, Given]"

# They hand the rows on as they are: class -> the attribute with the fitted estimator or estimators.
_DELEGATES: Final = {
    "BaseSearchCV": "best_estimator_",
    "FixedThresholdClassifier": "estimator_",
    "FrozenEstimator": "estimator",
    "TunedThresholdClassifierCV": "estimator_",
    "TransformedTargetRegressor": "regressor_",
    "CalibratedClassifierCV": "calibrated_classifiers_",
    "_CalibratedClassifier": "estimator",
    "VotingClassifier": "estimators_",
    "VotingRegressor": "estimators_",
    "StackingClassifier": "estimators_",
    "StackingRegressor": "estimators_",
    "MultiOutputClassifier": "estimators_",
    "MultiOutputRegressor": "estimators_",
    "OneVsRestClassifier": "estimators_",
}


def parts_of(step: Any, given: Given) -> Iterator[Part]:
    """A fitted step and all steps inside of it, each with the columns that it is given."""
    if isinstance(step, str) or step is None:
        return
    if is_a(step, "sklearn", "Pipeline"):
        yield from parts_of_steps([inner for _, inner in step.steps], given)
        return
    for inner, columns in _inside(step, given):
        yield from parts_of(inner, columns)
    yield step, given


def parts_of_steps(steps: Sequence[Any], given: Given) -> Iterator[Part]:
    """The same of the steps of a pipeline."""
    for step, columns in reaching(steps, given):
        yield from parts_of(step, columns)


def reaching(steps: Sequence[Any], given: Given) -> Iterator[Part]:
    """The steps of a pipeline, each with the columns that it is given."""
    # Code of the user's that the columns have gone through since they were known by place.
    own: list[tuple[Any, Given]] = []
    for step in steps:
        if isinstance(step, str) or step is None:
            continue
        if own:
            given = _by_name(step, own)
        yield step, given
        handed = handed_on(step, given)
        own = [*own, (step, given)] if handed is None else []
        given = given if handed is None else handed


def handed_on(step: Any, given: Given) -> Given | None:
    """What comes out of a fitted step, by place; None where only names tell."""
    if isinstance(step, str) or step is None:
        return given
    if is_a(step, "sklearn", "Pipeline"):
        return _of_pipeline([inner for _, inner in step.steps], given)
    if is_a(step, "sklearn", "ColumnTransformer"):
        return _of_column_transformer(step, given)
    if is_a(step, "sklearn", "FeatureUnion"):
        return _of_union(step, given)
    if is_a(step, "sklearn", "SimpleImputer"):
        return _of_imputer(step, given)
    if is_a(step, "sklearn", "FunctionTransformer"):
        return given if step.func is None else None
    if is_a(step, "category_encoders", "BaseEncoder"):
        return _of_category_encoder(step, given)
    return () if type(step).__module__.startswith("sklearn.") else None


def members(model: Any) -> list[Any]:
    """The fitted estimators that a model hands its rows on to as they are."""
    for cls in type(model).__mro__:
        name = _DELEGATES.get(cls.__name__)
        if name is not None and cls.__module__.startswith("sklearn."):
            inner = fitted(model, name)
            if inner is None:
                return []
            found = list(inner) if isinstance(inner, list | tuple) else [inner]
            return [member for member in found if not isinstance(member, str)]
    return []


def fitted(model: Any, name: str) -> Any:
    """An attribute of a fitted model; None where it has none."""
    # It may be a property, of a user's class too, that asks for what is not there.
    return attempted(getattr, model, name, None)


def words_of(vectorizer: Any) -> dict[str, list[str]]:
    """Column -> the texts that a fitted DictVectorizer has seen; none where it saw numbers."""
    found: dict[str, list[str]] = {}
    for feature in vectorizer.feature_names_:
        name, separator, word = str(feature).partition(vectorizer.separator)
        found.setdefault(name, []).extend([word] if separator else [])
    return found


def _inside(step: Any, given: Given) -> Iterator[Part]:
    """The parts that a step hands its columns on to, and which of them."""
    # Gradient boosting on histograms keeps its encoder to itself.
    step = getattr(step, "_preprocessor", None) or step
    if is_a(step, "sklearn", "ColumnTransformer"):
        for _, inner, columns in step.transformers_:
            yield inner, _resolved(columns, given, _remembered(step))
    elif is_a(step, "sklearn", "FeatureUnion"):
        for _, inner in step.transformer_list:
            yield inner, given
    elif hasattr(step, "estimators_features_"):  # bagging: by place, and without names
        for inner, places in zip(step.estimators_, step.estimators_features_, strict=False):
            yield inner, [_at(given, place) for place in places]
    for inner in members(step):
        yield inner, given


def _by_name(step: Any, own: Sequence[tuple[Any, Given]]) -> Given:
    """The columns of a step that stands behind code of the user's."""
    first, given = own[0]
    known = {name for name in given if name is not None}
    names = _spelled(_remembered(step), step, known)
    same = [name for name in names if name in known]
    columns = [name for name in given if name is not None] or _remembered(first)
    made = made_columns([each for each, _ in own], columns, same)
    return [name if name in known and name not in made else None for name in names]


def _spelled(names: Sequence[str], step: Any, known: Iterable[str]) -> list[str]:
    """Names as the table has them, where a framework has a spelling of its own."""
    columns = booster_columns_of(step)
    if columns is None:
        return list(names)
    # A model that was fitted by an old version does not remember what it was given.
    names = columns.names or names
    spelled = {columns.spelling.of(name): name for name in known}
    return [spelled.get(name, name) for name in names]


def _remembered(step: Any) -> list[str]:
    """The names that a step was fitted on, if it was given a frame."""
    if is_a(step, "sklearn", "DictVectorizer"):
        return list(words_of(step))
    names = fitted(step, "feature_names_in_")
    return list(map(str, names)) if isinstance(names, Iterable) else []


def _of_pipeline(steps: Sequence[Any], given: Given) -> Given | None:
    *_, last = [(None, given), *reaching(steps, given)]
    return handed_on(*last)


def _of_column_transformer(step: Any, given: Given) -> Given:
    places = fitted(step, "output_indices_") or {}
    found: list[str | None] = [None] * max((place.stop for place in places.values()), default=0)
    for name, inner, columns in step.transformers_:
        if name in places and not (isinstance(inner, str) and inner == "drop"):
            taken = _resolved(columns, given, _remembered(step))
            kept = handed_on(inner, taken)
            width = places[name].stop - places[name].start
            if kept is None:
                # Code of the user's that gives as many columns as it gets.
                kept = taken if len(taken) == width else ()
            found[places[name]] = [_at(kept, place) for place in range(width)]
    return found


def _of_union(step: Any, given: Given) -> Given:
    found: list[str | None] = []
    for _, inner in step.transformer_list:
        if isinstance(inner, str) and inner == "drop":
            continue
        kept = handed_on(inner, given)
        width = len(kept) if kept is given else _width(inner)
        if width is None:
            break
        found += [_at(kept or (), place) for place in range(width)]
    return found


def _width(step: Any) -> int | None:
    """How many columns a step makes; None where it does not say."""
    names = attempted(getattr(step, "get_feature_names_out", list))
    return len(names) if isinstance(names, Sized) and len(names) else None


def _of_imputer(step: Any, given: Given) -> Given:
    """A column without any value is left out; indicators stand behind the others."""
    if getattr(step, "keep_empty_features", False):
        return given
    values = step.statistics_.tolist()
    empty = [value is None or value != value for value in values]
    return [name for name, left_out in zip(given, empty, strict=False) if not left_out]


def _of_category_encoder(step: Any, given: Given) -> Given | None:
    """Columns that it does not encode go through, at other places."""
    names = fitted(step, "feature_names_out_")
    if not isinstance(names, Iterable):
        return None
    encoded = {*map(str, getattr(step, "cols", None) or ())}
    passed = dict(zip(_remembered(step), given, strict=False))
    return [None if name in encoded else passed.get(name) for name in map(str, names)]


def chosen_columns(columns: Any) -> Any:
    """Without the warning that versions of scikit-learn before 1.7 put on the remainder."""
    return columns.data if isinstance(columns, UserList) else columns


def _resolved(columns: Any, given: Given, names: Sequence[str]) -> list[str | None]:
    """The columns behind a ColumnTransformer's choice; none where it is something unusual.

    Args:
        names: of all columns, as the ColumnTransformer knows them.
    """
    columns = chosen_columns(columns)
    if isinstance(columns, str):
        return [_named(columns, given, names)]
    if isinstance(columns, slice):
        return list(given[_by_place(columns, names)])
    if not isinstance(columns, Iterable):
        return [_at(given, columns)] if isinstance(columns, int) else []
    chosen = columns.tolist() if hasattr(columns, "tolist") else list(columns)
    if chosen and all(isinstance(each, bool) for each in chosen):
        return [name for name, taken in zip(given, chosen, strict=False) if taken]
    return [
        _named(each, given, names) if isinstance(each, str) else _at(given, int(each))
        for each in chosen
    ]


def _named(name: str, given: Given, names: Sequence[str]) -> str | None:
    return _at(given, [*names].index(name)) if name in names else None


def _at(given: Given, place: int) -> str | None:
    return given[place] if place < len(given) else None


def _by_place(columns: slice, names: Sequence[str]) -> slice:
    """A slice by names takes its last one, too."""
    start, stop = columns.start, columns.stop
    if isinstance(start, str):
        start = [*names].index(start)
    if isinstance(stop, str):
        stop = [*names].index(stop) + 1
    return slice(start, stop, columns.step)
