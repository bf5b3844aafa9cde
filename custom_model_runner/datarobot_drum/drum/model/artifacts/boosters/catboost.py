"""CatBoost: pickles and ``.cbm`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.boosters.classes import (
    no_probabilities,
    numbered_classes,
)
from datarobot_drum.drum.model.artifacts.boosters.columns import catboost_columns
from datarobot_drum.drum.model.artifacts.own_code import is_of
from datarobot_drum.drum.model.artifacts.sklearn import class_names
from datarobot_drum.drum.model.predictor import ClassLabels

# CatBoost's own regressor class applies the link of these; a generic model does not.
_LOG_LOSSES: Final = ("Poisson", "Tweedie")
_RAW: Final = "RawFormulaVal"


class CatBoostModel(ArtifactModel):
    """A file does not tell which of CatBoost's classes wrote it: all predict as its own class
    for that task does, a regressor in units of the target, a classifier with probabilities.
    """

    merge = Merge.WHOLE

    def __init__(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None = None
    ) -> None:
        self._model = model
        self.names: tuple[str, ...] | None = None
        self.columns = catboost_columns(model)
        self.own_code = is_of(model, ("catboost",))
        classes = class_names(model)
        loss = str(model.get_all_params().get("loss_function", ""))
        self._kind = _RAW
        if target_type.is_classification():
            if classes is None:
                raise no_probabilities("CatBoost", loss)
            self.names = _labels_of(classes, target_type, labels)
            self._kind = "Probability"
        elif classes is not None:
            self._kind = "Class"
        elif loss.startswith(_LOG_LOSSES):
            self._kind = "Exponent"

    def predict(self, data: Any) -> Any:
        if self._kind == _RAW:
            # What predict gives without being asked; a ranker's cannot be asked.
            return self._model.predict(data)
        return self._model.predict(data, prediction_type=self._kind)


def _labels_of(
    classes: tuple[str, ...], target_type: TargetType, labels: ClassLabels | None
) -> tuple[str, ...] | None:
    """Several labels that had no names when the model was trained are numbered."""
    numbered = classes == tuple(map(str, range(len(classes))))
    if target_type is TargetType.MULTILABEL and numbered:
        return numbered_classes(labels)
    return classes


class CatBoostReader:
    framework: ClassVar[str] = "catboost"
    package: ClassVar[str] = "catboost"
    modules: ClassVar[tuple[str, ...]] = ("catboost",)
    extensions: ClassVar[tuple[str, ...]] = (".cbm",)

    def load(self, path: Path) -> Any:
        from catboost import CatBoost

        return CatBoost().load_model(str(path))

    def recognises(self, model: Any) -> bool:
        return is_a(model, "catboost", "CatBoost")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return CatBoostModel(model, target_type, labels)
