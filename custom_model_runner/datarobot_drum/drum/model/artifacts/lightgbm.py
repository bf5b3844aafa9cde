"""LightGBM: a ``Booster``, from a pickle or its own text file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.booster_classes import (
    both_columns,
    no_probabilities,
    numbered_classes,
)
from datarobot_drum.drum.model.artifacts.booster_columns import lightgbm_columns
from datarobot_drum.drum.model.predictor import ClassLabels

_OBJECTIVE: Final = re.compile(r"^objective=(\S+)", re.MULTILINE)
# Least squares of zeros and ones estimate a probability; their output is checked as any is.
_OF_CLASSES: Final = ("binary", "cross_entropy", "multiclass", "multiclassova", "regression")


class BoosterModel(ArtifactModel):
    """A booster knows no labels, only numbers of classes.

    Where training stopped early it predicts up to the best iteration, which is all that its
    text file keeps.
    """

    merge = Merge.WHOLE

    def __init__(
        self, booster: Any, target_type: TargetType, labels: ClassLabels | None = None
    ) -> None:
        self._booster = booster
        self.columns = lightgbm_columns(booster)
        self.names: tuple[str, ...] | None = None
        if target_type.is_classification():
            found = _OBJECTIVE.search(booster.model_to_string(num_iteration=1))
            # A model that was trained with a function of the user's own has no objective.
            objective = found[1] if found else "custom"
            if objective not in _OF_CLASSES:
                raise no_probabilities("LightGBM", objective)
            self.names = numbered_classes(labels)

    def predict(self, data: Any) -> Any:
        values = self._booster.predict(data)
        return both_columns(values) if self.names is not None else values


class LightGBMReader:
    framework: ClassVar[str] = "lightgbm"
    package: ClassVar[str] = "lightgbm"
    modules: ClassVar[tuple[str, ...]] = ("lightgbm",)
    extensions: ClassVar[tuple[str, ...]] = (".txt",)

    def load(self, path: Path) -> Any:
        import lightgbm

        return lightgbm.Booster(model_file=str(path))

    def recognises(self, model: Any) -> bool:
        return is_a(model, "lightgbm", "Booster")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return BoosterModel(model, target_type, labels)
