"""Which scikit-learn models may predict the rows of several requests in one call, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import Merge, is_a
from datarobot_drum.drum.model.artifacts.results import as_array, joined

# Trees: every row walks alone, and its sums run over the trees in their order.
_EXACT_ESTIMATORS: Final = frozenset(
    {
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreeClassifier",
        "ExtraTreeRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "GradientBoostingClassifier",
        "GradientBoostingRegressor",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
    }
)
# Every cell is worked out from its own row, and without a sum of products.
_EXACT_TRANSFORMERS: Final = frozenset(
    {
        "Binarizer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "MissingIndicator",
        "OneHotEncoder",
        "OrdinalEncoder",
        "RobustScaler",
        "SelectFromModel",
        "SelectKBest",
        "SelectPercentile",
        "SimpleImputer",
        "StandardScaler",
        "VarianceThreshold",
    }
)
_CONTAINERS: Final = frozenset({"ColumnTransformer", "FeatureUnion", "Pipeline"})
_SET_OUTPUT: Final = "_sklearn_output_config"


def merge_plan(estimator: Any) -> Merge:
    """How requests may share a call of a fitted scikit-learn model."""
    steps = _steps(estimator)
    if not steps or not all(_is_exact_transformer(step) for step in steps[:-1]):
        return Merge.NEVER
    if _is_native(steps[-1], _EXACT_ESTIMATORS):
        return Merge.WHOLE
    # Without steps in front there is nothing to share.
    return Merge.LAST_STEP_APART if len(steps) > 1 else Merge.NEVER


def predict_apart(pipeline: Any, method: str, data: Any, row_counts: Sequence[int]) -> Any:
    """Transform all rows together, then call the last step once for each request."""
    transformed = data
    for _name, step in pipeline.steps[:-1]:
        if step is not None and not isinstance(step, str):
            transformed = step.transform(transformed)
    last = pipeline.steps[-1][1]
    predict = getattr(last, method)
    return joined([as_array(predict(rows), last) for rows in _slices(transformed, row_counts)])


def _slices(matrix: Any, row_counts: Sequence[int]) -> Iterator[Any]:
    """The rows of each request, laid out in memory as they would be had they come alone."""
    import numpy as np

    by_column = isinstance(matrix, np.ndarray) and not matrix.flags.c_contiguous
    for start, stop in pairwise(accumulate(row_counts, initial=0)):
        rows = matrix[start:stop]
        yield np.asfortranarray(rows) if by_column else rows


def _steps(estimator: Any) -> list[Any]:
    if is_a(estimator, "sklearn", "Pipeline"):
        return [step for _name, step in estimator.steps]
    return [estimator]


def _is_exact_transformer(step: Any) -> bool:
    if step is None or isinstance(step, str):  # "passthrough" and "drop"
        return True
    if _SET_OUTPUT in vars(step):
        return False
    if _is_native(step, _EXACT_TRANSFORMERS):
        return True
    return _is_native(step, _CONTAINERS) and all(map(_is_exact_transformer, _inside(step)))


def _inside(container: Any) -> list[Any]:
    if type(container).__name__ == "ColumnTransformer":
        return [step for _name, step, _columns in container.transformers_]
    if type(container).__name__ == "FeatureUnion":
        return [step for _name, step in container.transformer_list]
    return _steps(container)


def _is_native(step: Any, names: frozenset[str]) -> bool:
    """The class itself, not one derived from it: that one may do anything."""
    cls = type(step)
    return cls.__module__.startswith("sklearn.") and cls.__name__ in names
