"""scikit-learn, and whatever looks like it: ``predict`` and ``predict_proba``."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumCommonException
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.boosters.classes import numbered_classes
from datarobot_drum.drum.model.artifacts.fast_paths.arrays import ArrayPath
from datarobot_drum.drum.model.artifacts.fast_paths.frames import FramePath
from datarobot_drum.drum.model.artifacts.fast_paths.made_rows import REFUSALS
from datarobot_drum.drum.model.artifacts.fast_paths.merging import merge_plan, predict_apart
from datarobot_drum.drum.model.artifacts.own_code import is_all_own
from datarobot_drum.drum.model.artifacts.pickles import load_joblib, load_pickle
from datarobot_drum.drum.model.artifacts.results import as_array
from datarobot_drum.drum.model.artifacts.sklearn_columns import (
    sklearn_columns,
    strict_categories,
    takes_texts,
)
from datarobot_drum.drum.model.artifacts.sparse_rows import makes_dense
from datarobot_drum.drum.model.predictor import ClassLabels

_PREDICTING: Final = frozenset({TargetType.REGRESSION, TargetType.ANOMALY, TargetType.GEO_POINT})


class EstimatorModel(ArtifactModel):
    """An estimator behind ``ArtifactModel``: probabilities for classes, values otherwise."""

    def __init__(
        self, estimator: Any, target_type: TargetType, labels: ClassLabels | None = None
    ) -> None:
        self._estimator = estimator
        self._target_type = target_type
        self._method = "predict_proba" if target_type.is_classification() else "predict"
        self.names = class_names(estimator) if target_type.is_classification() else None
        if target_type is TargetType.MULTILABEL and self.names == _numbers(self.names):
            # Not what the labels are called: the columns of the target that was a matrix.
            self.names = numbered_classes(labels)
        self.columns = sklearn_columns(estimator)
        self.merge = merge_plan(estimator)
        self.own_code = is_all_own(estimator)
        self.dense = makes_dense(estimator)
        self._takes_texts = takes_texts(estimator)
        self._arrays = ArrayPath(estimator, self._method)
        self._predict_array = getattr(self._arrays.estimator, self._method, None)
        self._frames = FramePath(estimator, self._method)
        self._is_known_type = target_type.is_classification() or target_type in _PREDICTING

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return self._arrays.columns

    def categories(self) -> Mapping[str, Collection[Any]]:
        return strict_categories(self._estimator)

    def predict(self, data: Any) -> Any:
        import numpy as np

        result = self._result(data)
        return result if type(result) is np.ndarray else as_array(result, self._estimator)

    def _result(self, data: Any) -> Any:
        """What scikit-learn returns, whichever way is taken."""
        import numpy as np

        if not self._is_known_type:
            raise self._unknown_type()
        is_array = isinstance(data, np.ndarray)
        array = data if is_array else self._arrays.array_of(data)
        if self._predict_array is not None and array is not None:
            try:
                return self._predict_array(array)
            except REFUSALS:
                # The frame's way says what is wrong with the rows in the model's own terms.
                return getattr(self._estimator, self._method)(self._arrays.frame_of(array))
        if self._frames.takes(data):
            with contextlib.suppress(*REFUSALS):
                return getattr(self._frames.pipeline, self._method)(data)
            # The long way knows what to do with such rows, or says what is wrong with them.
        if self._takes_texts and not is_array:
            data = data.iloc[:, 0]
        return getattr(self._estimator, self._method)(data)

    def predict_merged(self, data: Any, row_counts: Sequence[int]) -> Any:
        import numpy as np

        if self.merge is not Merge.LAST_STEP_APART:
            return self.predict(data)
        if isinstance(data, np.ndarray):
            return predict_apart(self._arrays.estimator, self._method, data, row_counts)
        if self._frames.takes(data):
            with contextlib.suppress(*REFUSALS):
                return predict_apart(self._frames.pipeline, self._method, data, row_counts)
        return predict_apart(self._estimator, self._method, data, row_counts)

    def _unknown_type(self) -> DrumCommonException:
        return DrumCommonException(
            f"Target type '{self._target_type.value}' is not supported by "
            "'SKLearnPredictor' predictor"
        )


def _numbers(names: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(map(str, range(len(names or ()))))


def adapt_estimator(
    model: Any, target_type: TargetType, labels: ClassLabels | None
) -> EstimatorModel:
    return EstimatorModel(model, target_type, labels)


def class_names(model: Any) -> tuple[str, ...] | None:
    """``classes_`` as text; None where a model has none, or one list for each output."""
    import numpy as np

    classes = getattr(model, "classes_", None)
    if classes is None or len(classes) == 0 or not np.isscalar(classes[0]):
        return None
    return tuple(map(str, classes))


class SklearnReader:
    framework: ClassVar[str] = "scikit-learn"
    package: ClassVar[str] = "scikit-learn"
    modules: ClassVar[tuple[str, ...]] = ("sklearn", "joblib")
    extensions: ClassVar[tuple[str, ...]] = (".pkl", ".joblib")

    def load(self, path: Path) -> Any:
        return load_joblib(path) if path.suffix.lower() == ".joblib" else load_pickle(path)

    def recognises(self, model: Any) -> bool:
        return is_a(model, "sklearn", "BaseEstimator")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return adapt_estimator(model, target_type, labels)


class LookalikeReader(SklearnReader):
    """Any object with a ``predict``; what it does with the rows, nobody knows."""

    framework: ClassVar[str] = "python"
    modules: ClassVar[tuple[str, ...]] = ()
    extensions: ClassVar[tuple[str, ...]] = ()

    def recognises(self, model: Any) -> bool:
        return callable(getattr(model, "predict", None))
