"""XGBoost: a ``Booster``, from a pickle or its own file, or a pipeline that ends in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a, last_step
from datarobot_drum.drum.model.artifacts.booster_columns import xgboost_columns
from datarobot_drum.drum.model.artifacts.sklearn import adapt_estimator
from datarobot_drum.drum.model.predictor import ClassLabels


class BoosterModel(ArtifactModel):
    """A bare booster knows no labels: its columns are the classes by position."""

    merge = Merge.WHOLE
    names: tuple[str, ...] | None = None

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self.columns = xgboost_columns(booster)

    def predict(self, data: Any) -> Any:
        import xgboost

        return self._booster.predict(xgboost.DMatrix(data))


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
            return BoosterModel(model)
        return adapt_estimator(model, target_type)
