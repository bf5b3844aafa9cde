"""Whether only a framework's code runs when a model predicts, or code of the user's too."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
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
# Whose other objects may hold functions, as estimators do: kernels, ``numpy.vectorize``.
_HOLDING: Final = frozenset({"numpy", "sklearn"})
# Most of what a model holds; a vocabulary has many.
_PLAIN: Final = (type(None), bool, int, float, str)
# A function or a class is where it was written; any other object is where its class was.
_NAMED: Final = (FunctionType, BuiltinFunctionType, type)


def is_of(value: Any, packages: Iterable[str]) -> bool:
    """Whether the class of an object is one of these packages' own."""
    return _package(type(value)) in packages


def is_all_own(estimator: Any) -> bool:
    """Whether a scikit-learn model holds no class and no function of the user's.

    A step, a metric or a ``FunctionTransformer``'s function may wait for something, want an event
    loop, or write a file. What is not known counts as the user's.
    """
    return _is_all_own(estimator, set())


def _is_all_own(value: Any, seen: set[int]) -> bool:
    """
    Args:
        seen: ids of the objects that have been looked into; some hold each other.
    """
    if type(value) in _PLAIN:
        return True
    if type(value) in (list, tuple, set, frozenset):
        return all(_is_all_own(each, seen) for each in value)
    if isinstance(value, dict):
        return all(_is_all_own(each, seen) for each in value.values())
    if isinstance(value, partial):
        return _is_all_own((value.func, value.args, value.keywords), seen)
    if isinstance(value, MethodType):
        return _is_all_own(value.__func__, seen) and _is_all_own(value.__self__, seen)
    if isinstance(value, _NAMED) or not is_of(value, _LIBRARIES):
        # Compiled functions have classes of their compilers.
        return callable(value) and _package(value) in _LIBRARIES
    if is_a(value, "numpy", "ufunc"):
        # The user's functions can be made one, and then have numpy's class.
        return _is_among_its_own(value)
    if not is_a(value, "sklearn", "BaseEstimator") and not is_of(value, _HOLDING):
        return True
    if id(value) in seen:
        return True
    seen.add(id(value))
    return all(_is_all_own(each, seen) for each in getattr(value, "__dict__", {}).values())


def _is_among_its_own(ufunc: Any) -> bool:
    modules = (sys.modules.get(name) for name in ("numpy", "scipy.special"))
    return any(getattr(module, ufunc.__name__, None) is ufunc for module in modules)


def _package(value: Any) -> str:
    module = str(getattr(value, "__module__", ""))
    # Compiled parts of scikit-learn 1.5 do not name their package, but their modules do.
    module = str(getattr(sys.modules.get(module), "__name__", module))
    return module.partition(".")[0]
