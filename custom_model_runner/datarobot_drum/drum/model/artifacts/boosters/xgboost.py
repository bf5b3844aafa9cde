"""XGBoost: a ``Booster``, from a pickle or its own file, or a pipeline that ends in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a, last_step
from datarobot_drum.drum.model.artifacts.boosters.classes import (
    both_columns,
    no_probabilities,
    numbered_classes,
)
from datarobot_drum.drum.model.artifacts.boosters.columns import xgboost_columns
from datarobot_drum.drum.model.artifacts.own_code import is_of
from datarobot_drum.drum.model.artifacts.sklearn import adapt_estimator
from datarobot_drum.drum.model.predictor import ClassLabels, Dense

# Least squares of zeros and ones estimate a probability; their output is checked as any is.
_OF_CLASSES: Final = ("binary:", "multi:", "reg:logistic", "reg:squarederror", "reg:linear")
_SOFTMAX: Final = "multi:softmax"
_RAW_LOGISTIC: Final = "binary:logitraw"
_CATEGORY: Final = "c"


class BoosterModel(ArtifactModel):
    """A booster knows no labels, only numbers of classes.

    A file that XGBoost's scikit-learn interface wrote predicts as that does: up to the best
    iteration, when training stopped early. Other boosters use all their trees, as ``Booster``
    does. A base margin that was given for training belongs to those rows, and is in no model.
    """

    merge = Merge.WHOLE
    dense = Dense.IN_PIECES

    def __init__(
        self, booster: Any, target_type: TargetType, labels: ClassLabels | None = None
    ) -> None:
        self._booster = booster
        self.columns = xgboost_columns(booster)
        self.own_code = is_of(booster, ("xgboost",))
        learner = json.loads(booster.save_config())["learner"]
        self._objective = ""
        if target_type.is_classification():
            self._objective = learner["objective"]["name"]
            if not self._objective.startswith(_OF_CLASSES):
                raise no_probabilities("XGBoost", self._objective)
        multilabel = target_type is TargetType.MULTILABEL
        self.names = None if multilabel else numbered_classes(labels)
        self._in_place = _is_of_scikit_learn(booster) and learner["gradient_booster"]["name"] in (
            "gbtree",
            "dart",
        )
        self._categories = _CATEGORY in (booster.feature_types or ())

    def predict(self, data: Any) -> Any:
        raw = self._objective in (_SOFTMAX, _RAW_LOGISTIC)
        values = self._values(data, raw)
        if self._objective == _SOFTMAX:
            from scipy.special import softmax

            return softmax(values, axis=1)
        if raw:
            from scipy.special import expit

            values = expit(values)
        return both_columns(values) if self.names is not None else values

    def _values(self, data: Any, raw: bool) -> Any:
        import xgboost

        if self._in_place:
            # The scikit-learn interface adds up the trees of DART in another precision.
            return self._booster.inplace_predict(
                data,
                iteration_range=_best_iterations(self._booster),
                predict_type="margin" if raw else "value",
            )
        if self.columns.names is None:
            types = self._booster.feature_types
            matrix = xgboost.DMatrix(
                _matrix(data), feature_types=types, enable_categorical=self._categories
            )
        else:
            matrix = xgboost.DMatrix(data, enable_categorical=self._categories)
        return self._booster.predict(matrix, output_margin=raw)


def _is_of_scikit_learn(booster: Any) -> bool:
    return booster.attr("scikit_learn") is not None


def _best_iterations(booster: Any) -> tuple[int, int]:
    """The range of rounds that the scikit-learn interface uses; (0, 0) are all of them."""
    best = booster.attr("best_iteration")
    return (0, 0) if best is None else (0, int(best) + 1)


def _matrix(data: Any) -> Any:
    """A booster without names refuses columns that have some."""
    import pandas as pd

    return data.to_numpy(dtype=float) if isinstance(data, pd.DataFrame) else data


class XGBoostReader:
    framework: ClassVar[str] = "xgboost"
    package: ClassVar[str] = "xgboost"
    modules: ClassVar[tuple[str, ...]] = ("xgboost",)
    extensions: ClassVar[tuple[str, ...]] = (".json", ".ubj")

    def load(self, path: Path) -> Any:
        import xgboost

        return xgboost.Booster(model_file=str(path))

    def recognises(self, model: Any) -> bool:
        ends_in_one = last_step(model) is not model and is_a(
            last_step(model), "xgboost", "XGBModel"
        )
        return ends_in_one or is_a(model, "xgboost", "Booster")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        if is_a(model, "xgboost", "Booster"):
            return BoosterModel(model, target_type, labels)
        return adapt_estimator(model, target_type, labels)
