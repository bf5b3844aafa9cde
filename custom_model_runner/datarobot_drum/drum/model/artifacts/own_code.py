"""Whether only a framework's code runs when a model predicts, or code of the user's too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a

# Whose objects and functions are nobody's own, by top-level module.
_LIBRARIES: Final = frozenset(
    {
        "builtins",
        "catboost",
        "category_encoders",
        "collections",
        "datetime",
        "imblearn",
        "joblib",
        "lightgbm",
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "xgboost",
    }
)
# Most of what a model holds; a vocabulary has many.
_PLAIN: Final = (type(None), bool, int, float, str)


def is_of(value: Any, packages: Iterable[str]) -> bool:
    """Whether the class of an object is one of these packages' own."""
    return _package(type(value)) in packages


def is_all_own(estimator: Any) -> bool:
    """Whether a scikit-learn model holds no class and no function of the user's.

    A step, a metric or a ``FunctionTransformer``'s function may wait for something, want an event
    loop, or write a file. What is not known counts as the user's.
    """
    if type(estimator) in _PLAIN:
        return True
    if is_a(estimator, "sklearn", "BaseEstimator"):
        return is_of(estimator, _LIBRARIES) and all(map(is_all_own, vars(estimator).values()))
    if type(estimator) in (list, tuple, set, frozenset):
        return all(map(is_all_own, estimator))
    if isinstance(estimator, dict):
        return all(map(is_all_own, estimator.values()))
    # A function or a class is where it was written; any other object is where its class was.
    named = callable(estimator) and isinstance(getattr(estimator, "__module__", None), str)
    return _package(estimator if named else type(estimator)) in _LIBRARIES


def _package(value: Any) -> str:
    return str(value.__module__).partition(".")[0]
