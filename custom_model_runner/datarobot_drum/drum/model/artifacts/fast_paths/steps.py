"""scikit-learn's plainest steps without the checks that a decoded float64 table has passed.

The arithmetic is scikit-learn's, operation by operation, so that results are equal to the
last bit; ``ArrayPath`` sees to it on real input before any of this is used. An input that
those checks would refuse (a missing value or an infinity) raises here, and then takes the
long way, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.fast_paths.trees import FastTrees, fast_trees

Transform = Callable[[Any], Any]

# ``X @ coef_ + intercept_`` and nothing else.
_LINEAR_REGRESSORS: Final = frozenset(
    {
        "BayesianRidge",
        "ElasticNet",
        "ElasticNetCV",
        "HuberRegressor",
        "Lars",
        "LarsCV",
        "Lasso",
        "LassoCV",
        "LassoLars",
        "LassoLarsCV",
        "LassoLarsIC",
        "LinearRegression",
        "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV",
        "Ridge",
        "RidgeCV",
        "TheilSenRegressor",
    }
)
_LOGISTIC: Final = frozenset({"LogisticRegression", "LogisticRegressionCV"})


class FastTransformer:
    def __init__(self, transform: Transform) -> None:
        self.transform = transform


class FastLinear:
    """A linear model: ``predict`` for regressors, ``predict_proba`` for classifiers."""

    def __init__(self, estimator: Any) -> None:
        coefficients = estimator.coef_
        self._coefficients = coefficients if coefficients.ndim == 1 else coefficients.T
        self._intercept = estimator.intercept_

    def predict(self, array: Any) -> Any:
        _refuse_non_finite(array)
        return array @ self._coefficients + self._intercept

    def predict_proba(self, array: Any) -> Any:
        scores = self.predict(array)
        return _sigmoid_pair(scores.reshape(-1)) if scores.shape[1] == 1 else _softmax(scores)


class FastPipeline:
    """Looks enough like a pipeline to predict, and to be taken apart into its steps."""

    def __init__(self, steps: list[tuple[str, Any]]) -> None:
        self.steps = steps
        self._transforms: list[Transform] = [step.transform for _name, step in steps[:-1]]
        self._last: Any = steps[-1][1]

    def predict(self, array: Any) -> Any:
        return self._last.predict(self._transformed(array))

    def predict_proba(self, array: Any) -> Any:
        return self._last.predict_proba(self._transformed(array))

    def _transformed(self, array: Any) -> Any:
        for transform in self._transforms:
            array = transform(array)
        return array


def fast_pipeline(estimator: Any) -> FastPipeline | None:
    """The model without its checks; None unless every step of it is known."""
    pipeline = is_a(estimator, "sklearn", "Pipeline")
    steps = list(estimator.steps) if pipeline else [("model", estimator)]
    last = fast_last(steps[-1][1])
    front = [(name, fast_transformer(step)) for name, step in steps[:-1]]
    if last is None or any(step is None for _name, step in front):
        return None
    return FastPipeline([*front, (steps[-1][0], last)])


def fast_last(step: Any) -> FastLinear | FastTrees | None:
    """The last step of a model without its checks; None when it is not known."""
    name = _name(step)
    if name in _LINEAR_REGRESSORS | _LOGISTIC:
        return FastLinear(step) if _is_plain(step) else None
    return fast_trees(name, step)


def fast_transformer(step: Any) -> FastTransformer | None:
    """A step before the last without its checks; None when it is not known."""
    if step is None or step == "passthrough":
        return FastTransformer(lambda array: array)
    make = _TRANSFORMS.get(_name(step))
    return FastTransformer(make(step)) if make is not None and _is_plain(step) else None


def _is_plain(step: Any) -> bool:
    import numpy as np

    numbers = (getattr(step, name, None) for name in ("coef_", "mean_", "scale_"))
    return all(isinstance(value, np.ndarray | None) for value in numbers)


def _name(step: Any) -> str:
    cls = type(step)
    return cls.__name__ if cls.__module__.startswith("sklearn.") else ""


def _standard(scaler: Any) -> Transform:
    mean = scaler.mean_ if scaler.with_mean else None
    return _shift_and_divide(mean, scaler.scale_ if scaler.with_std else None)


def _robust(scaler: Any) -> Transform:
    center = scaler.center_ if scaler.with_centering else None
    return _shift_and_divide(center, scaler.scale_ if scaler.with_scaling else None)


def _shift_and_divide(shift: Any, scale: Any) -> Transform:
    def transform(array: Any) -> Any:
        _refuse_infinity(array)
        if shift is None:
            return array if scale is None else array / scale
        array = array - shift
        if scale is not None:
            array /= scale
        return array

    return transform


def _min_max(scaler: Any) -> Transform:
    def transform(array: Any) -> Any:
        _refuse_infinity(array)
        array = array * scaler.scale_
        array += scaler.min_
        return array.clip(*scaler.feature_range) if scaler.clip else array

    return transform


def _max_abs(scaler: Any) -> Transform:
    def transform(array: Any) -> Any:
        _refuse_infinity(array)
        return array / scaler.scale_

    return transform


_TRANSFORMS: Final[Mapping[str, Callable[[Any], Transform]]] = {
    "StandardScaler": _standard,
    "RobustScaler": _robust,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
}


def _refuse_infinity(array: Any) -> None:
    """Gaps may pass a scaler. What clips, or takes infinities, would hide one from the model."""
    import numpy as np

    if np.isinf(array).any():
        raise ValueError("The input holds an infinity.")


def _refuse_non_finite(array: Any) -> None:
    import numpy as np

    if not np.isfinite(array).all():
        raise ValueError("The input holds a missing value or an infinity.")


def _sigmoid_pair(scores: Any) -> Any:
    import numpy as np
    from scipy.special import expit

    positive = expit(scores)
    return np.stack([1 - positive, positive], axis=1)


def _softmax(scores: Any) -> Any:
    import numpy as np

    scores = scores - scores.max(axis=1).reshape(-1, 1)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1).reshape(-1, 1)
    return scores
