"""What boosted trees remember of the columns that they were fitted on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.boosters.lightgbm_categories import columns_of_categories
from datarobot_drum.drum.model.columns import UNKNOWN, Extras, InputColumns
from datarobot_drum.drum.utils.gaps import gap_words
from datarobot_drum.drum.utils.spelling import Spelling

_LOST_BY_XGBOOST: Final = (
    "versions of XGBoost before 3.1 keep none, and 3.2 none with letters beyond ASCII. Give them "
    "numbers or ASCII names in training"
)
_GENERATED_BY_LIGHTGBM: Final = re.compile(r"Column_\d+")


def booster_columns_of(estimator: Any) -> InputColumns | None:
    """Of a booster, or of an estimator of these libraries' scikit-learn interfaces.

    Returns:
        None when it is neither; columns of which nothing is known when it is not fitted.
    """
    if is_a(estimator, "xgboost", "Booster"):
        return xgboost_columns(estimator)
    if is_a(estimator, "lightgbm", "Booster"):
        return lightgbm_columns(estimator)
    if is_a(estimator, "catboost", "CatBoost"):
        return catboost_columns(estimator) if estimator.is_fitted() else UNKNOWN
    if is_a(estimator, "xgboost", "XGBModel"):
        is_fitted = estimator.__sklearn_is_fitted__()
        return xgboost_columns(estimator.get_booster()) if is_fitted else UNKNOWN
    if is_a(estimator, "lightgbm", "LGBMModel"):
        is_fitted = estimator.__sklearn_is_fitted__()
        return lightgbm_columns(estimator.booster_) if is_fitted else UNKNOWN
    return None


def xgboost_columns(booster: Any) -> InputColumns:
    """Of an XGBoost ``Booster``.

    A category that it has not seen is missing: XGBoost 3.2 itself takes the next one in the
    order of the alphabet for it, and refuses what comes after the last.
    """
    names = booster.feature_names
    if not names:
        return InputColumns(count=booster.num_features(), objects=False)
    kept = _xgboost_categories(booster)
    lost = {
        name: _LOST_BY_XGBOOST
        for name, kind in zip(names, booster.feature_types or (), strict=False)
        if kind == "c" and name not in kept
    }
    # Where categories are lost, text is no mistake of the client's.
    return _with_categories(InputColumns(tuple(names), objects=bool(lost), lost=lost), kept)


def lightgbm_columns(booster: Any) -> InputColumns:
    """Of a LightGBM ``Booster``, which writes underscores for the blanks in a name."""
    names = tuple(booster.feature_name())
    generated = all(map(_GENERATED_BY_LIGHTGBM.fullmatch, names))
    columns = InputColumns(names, generated=generated, spelling=Spelling.BLANKS, objects=False)
    categories = booster.pandas_categorical
    if not categories:
        return columns
    text = booster.model_to_string(num_iteration=1)
    places = columns_of_categories(text, names, [len(values) for values in categories])
    if len(places) < len(categories):
        # Nobody knows which columns are categories: text is no mistake of the client's.
        columns = replace(columns, objects=True)
    return _with_categories(
        columns,
        {names[place]: values for place, values in zip(places, categories, strict=False)},
    )


def catboost_columns(model: Any) -> InputColumns:
    """Of a CatBoost model; columns without names are called 0, 1, 2 …

    Categories may be whole numbers or text: CatBoost takes 7 and ``"7"`` for the same one.
    """
    names = tuple(model.feature_names_ or ())
    if not names:
        return UNKNOWN
    categories = [names[index] for index in model.get_cat_feature_indices()]
    texts = [names[index] for index in model.get_text_feature_indices()]
    return InputColumns(
        names,
        extras=Extras.DROPPED,
        takes_numbers_in_text=True,
        objects=bool(model.get_embedding_feature_indices()),
        generated=names == tuple(map(str, range(len(names)))),
        text=frozenset((*categories, *texts)),
        booleans=frozenset(
            name for place, name in enumerate(categories) if _was_boolean(model, place)
        ),
    )


def _was_boolean(model: Any, place: int) -> bool:
    """Whether CatBoost knows True and False, which it keeps as ``1`` and ``0``, of a category.

    It numbers the values of a column that has so few of them; those that it does not know
    share the last number.

    Args:
        place: of the column among those of categories.
    """
    number = model._object._calc_cat_feature_perfect_hash
    unknown = number("neither true nor false", place)
    known = [number(value, place) != unknown for value in ("1", "0", "True", "False")]
    return any(known[:2]) and not any(known[2:])


def _with_categories(
    columns: InputColumns, categories: Mapping[str, Sequence[Any]]
) -> InputColumns:
    import pandas as pd

    return replace(
        columns,
        categories={name: pd.CategoricalDtype(list(values)) for name, values in categories.items()},
        text=frozenset(name for name, values in categories.items() if _is_text(values)),
        gap_words=frozenset(
            pair for name, values in categories.items() for pair in gap_words(name, values)
        ),
    )


def _is_text(values: Iterable[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


def _xgboost_categories(booster: Any) -> dict[str, list[Any]]:
    """Column -> the categories in the order of their codes; XGBoost keeps them since 3.1.

    Left out are columns with letters beyond ASCII: XGBoost 3.2 counts letters where it means
    bytes, so that what it keeps of them are other texts, or none.
    """
    names, types = booster.feature_names, booster.feature_types or ()
    if "c" not in types or not hasattr(booster, "get_categories"):
        return {}
    try:
        kept = _exported_categories(booster)
    except ImportError:
        kept = _written_categories(booster)
    return {name: values for name, values in zip(names, kept, strict=False) if values}


def _exported_categories(booster: Any) -> list[list[Any]]:
    """Raises ImportError: there is no pyarrow."""
    exported = booster.get_categories(export_to_arrow=True).to_arrow()
    return [_of_arrow(array) for _name, array in exported]


def _of_arrow(array: Any) -> list[Any]:
    if array is None:
        return []
    if str(array.type) not in ("string", "large_string"):
        return list(array.to_pylist())
    try:
        return [value.decode("ascii") for value in array.cast("binary").to_pylist()]
    except UnicodeDecodeError:
        return []


def _written_categories(booster: Any) -> list[list[Any]]:
    """The same out of the model's JSON: slow where the model is large."""
    trees = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    written = trees.get("gbtree", trees)["model"].get("cats", {}).get("enc", ())
    return [_of_json(column) for column in written]


def _of_json(column: Mapping[str, Any]) -> list[Any]:
    """Numbers as they are; texts stand one after the other, with where each begins."""
    values, offsets = column["values"], column.get("offsets")
    if offsets is None:
        return list(values)
    try:
        text = bytes(values).decode("ascii")
    except ValueError:  # bytes beyond ASCII are negative
        return []
    return [text[start:stop] for start, stop in pairwise(offsets)]
