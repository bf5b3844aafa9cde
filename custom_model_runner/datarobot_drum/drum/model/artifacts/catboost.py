"""CatBoost: pickles and ``.cbm`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.booster_columns import catboost_columns
from datarobot_drum.drum.model.artifacts.sklearn import class_names
from datarobot_drum.drum.model.predictor import ClassLabels

# CatBoost's own regressor class applies the link of these; a generic model does not.
_LOG_LOSSES: Final = ("LogLinQuantile", "Poisson", "Tweedie")


class CatBoostModel(ArtifactModel):
    merge = Merge.WHOLE

    def __init__(self, model: Any, target_type: TargetType) -> None:
        self._model = model
        self.names: tuple[str, ...] | None = None
        self.columns = catboost_columns(model)
        self._kind = "RawFormulaVal"
        if target_type.is_classification():
            self.names = class_names(model)
            self._kind = "Probability"
        elif str(model.get_all_params().get("loss_function", "")).startswith(_LOG_LOSSES):
            self._kind = "Exponent"

    def predict(self, data: Any) -> Any:
        return self._model.predict(data, prediction_type=self._kind)


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
        return CatBoostModel(model, target_type)
