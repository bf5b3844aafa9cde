"""LightGBM: a ``Booster``, from a pickle or its own text file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.booster_columns import lightgbm_columns
from datarobot_drum.drum.model.predictor import ClassLabels


class BoosterModel(ArtifactModel):
    """A booster knows no labels: its columns are the classes by position."""

    merge = Merge.WHOLE
    names: tuple[str, ...] | None = None

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.columns = lightgbm_columns(booster)

    def predict(self, data: Any) -> Any:
        return self._booster.predict(data)


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
        return BoosterModel(model)
