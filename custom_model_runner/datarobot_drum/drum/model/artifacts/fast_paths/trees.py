"""scikit-learn's trees and their ensembles without the checks that a decoded table has passed.

As in ``steps``: the same additions in the same order, shown equal on real input before use.
A forest asks each of its trees through joblib, and a tree checks what the forest has checked:
for one row that is nearly all that it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a

Predict = Callable[[Any], Any]

_TREES: Final = ("DecisionTree", "ExtraTree")
_FORESTS: Final = ("RandomForest", "ExtraTrees")
_BOOSTING: Final = "GradientBoosting"


class FastTrees:
    """``predict`` for regressors, ``predict_proba`` for classifiers.

    Args:
        leaves: C-contiguous float32 rows -> what the trees say of them.
    """

    def __init__(self, leaves: Predict) -> None:
        self._leaves = leaves

    def predict(self, array: Any) -> Any:
        import numpy as np

        rows = np.ascontiguousarray(array, dtype=np.float32)
        if not np.isfinite(rows).all():
            raise ValueError("The input holds a missing value or a number too large for a tree.")
        return self._leaves(rows)

    predict_proba = predict


def fast_trees(name: str, model: Any) -> FastTrees | None:
    """The model without its checks; None when it is none of those known here.

    Args:
        name: of the model's class, which is scikit-learn's own.
    """
    kind = next((k for k in ("Regressor", "Classifier") if name.endswith(k)), None)
    make = _MAKERS.get(name.removesuffix(kind)) if kind else None
    try:
        leaves = None if make is None else make(model)
    except (AttributeError, ImportError):
        # Another version of scikit-learn, which keeps these things elsewhere.
        return None
    return None if leaves is None else FastTrees(leaves)


def _tree(model: Any) -> Predict | None:
    return _mean([model.tree_], model) if model.n_outputs_ == 1 else None


def _forest(model: Any) -> Predict | None:
    # Jobs add up in the order in which they end.
    if model.n_outputs_ != 1 or model.n_jobs not in (None, 1):
        return None
    return _mean([member.tree_ for member in model.estimators_], model)


def _mean(trees: Sequence[Any], model: Any) -> Predict:
    """The mean of what the trees' leaves hold: values, or shares of the classes."""
    import numpy as np

    is_classifier = is_a(model, "sklearn", "ClassifierMixin")
    width = model.n_classes_ if is_classifier else 1
    count = len(trees)

    def mean(rows: Any) -> Any:
        total = np.zeros((len(rows), width))
        for tree in trees:
            total += tree.predict(rows)[:, :width]
        if count > 1:
            total /= count
        return total if is_classifier else total[:, 0]

    return mean


def _boosting(model: Any) -> Predict | None:
    """The sum of a constant and the stages; None where the start depends on the row."""
    import numpy as np
    from sklearn.ensemble._gradient_boosting import predict_stages

    if model.init not in (None, "zero"):
        return None
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))
    stages, rate = model.estimators_, model.learning_rate
    to_probabilities = (
        model._loss.predict_proba if is_a(model, "sklearn", "ClassifierMixin") else None
    )

    def boosted(rows: Any) -> Any:
        raw = np.repeat(start, len(rows), axis=0)
        predict_stages(stages, rows, rate, raw)
        if raw.shape[1] == 1:
            raw = raw.ravel()
        return raw if to_probabilities is None else to_probabilities(raw)

    return boosted


_MAKERS: Final = {
    **dict.fromkeys(_TREES, _tree),
    **dict.fromkeys(_FORESTS, _forest),
    _BOOSTING: _boosting,
}
