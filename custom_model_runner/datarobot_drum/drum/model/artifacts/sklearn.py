"""scikit-learn, and whatever looks like it: ``predict`` and ``predict_proba``."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumCommonException
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, is_a
from datarobot_drum.drum.model.predictor import ClassLabels

_PREDICTING: Final = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})


@dataclass(frozen=True, slots=True)
class EstimatorModel:
    """An estimator behind ``ArtifactModel``: probabilities for classes, values otherwise."""

    estimator: Any
    target_type: TargetType
    names: tuple[str, ...] | None

    def predict(self, data: Any) -> Any:
        if self.target_type.is_classification():
            return self.estimator.predict_proba(data)
        if self.target_type in _PREDICTING:
            return self.estimator.predict(data)
        raise DrumCommonException(
            f"Target type '{self.target_type.value}' is not supported by "
            "'SKLearnPredictor' predictor"
        )


def adapt_estimator(model: Any, target_type: TargetType) -> EstimatorModel:
    names = class_names(model) if target_type.is_classification() else None
    return EstimatorModel(model, target_type, names)


def class_names(model: Any) -> tuple[str, ...] | None:
    """``classes_`` as text; None where a model has none, or one list for each output."""
    import numpy as np

    classes = getattr(model, "classes_", None)
    if classes is None or len(classes) == 0 or not np.isscalar(classes[0]):
        return None
    return tuple(map(str, classes))


def load_pickle(path: Path) -> Any:
    """Unpickle; ``latin1`` reads what Python 2 wrote, which some objects do not bear."""
    with path.open("rb") as file:
        try:
            return pickle.load(file, encoding="latin1")
        except TypeError:
            file.seek(0)
            return pickle.load(file)


class SklearnReader:
    framework: ClassVar[str] = "scikit-learn"
    package: ClassVar[str] = "scikit-learn"
    modules: ClassVar[tuple[str, ...]] = ("sklearn", "joblib")
    extensions: ClassVar[tuple[str, ...]] = (".pkl", ".joblib")
    row_wise: ClassVar[bool] = True

    def load(self, path: Path) -> Any:
        if path.suffix.lower() == ".pkl":
            return load_pickle(path)
        import joblib

        return joblib.load(path)

    def recognises(self, model: Any) -> bool:
        return is_a(model, "sklearn", "BaseEstimator")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return adapt_estimator(model, target_type)


class LookalikeReader(SklearnReader):
    """Any object with a ``predict``; what it does with the rows, nobody knows."""

    framework: ClassVar[str] = "python"
    modules: ClassVar[tuple[str, ...]] = ()
    extensions: ClassVar[tuple[str, ...]] = ()
    row_wise: ClassVar[bool] = False

    def recognises(self, model: Any) -> bool:
        return callable(getattr(model, "predict", None))
