"""A folder that MLflow saved: its ``MLmodel`` file names the files of each flavour."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import yaml

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Reader, is_a
from datarobot_drum.drum.model.artifacts.catboost import CatBoostReader
from datarobot_drum.drum.model.artifacts.lightgbm import LightGBMReader
from datarobot_drum.drum.model.artifacts.onnx import OnnxReader
from datarobot_drum.drum.model.artifacts.sklearn import SklearnReader, load_pickle
from datarobot_drum.drum.model.artifacts.skops import SkopsReader
from datarobot_drum.drum.model.artifacts.xgboost import XGBoostReader
from datarobot_drum.drum.model.folder import MLMODEL_FILE
from datarobot_drum.drum.model.predictor import ClassLabels

# Flavour -> (the key that names its file, the reader of that file).
_FLAVORS: Final[dict[str, tuple[str, Reader]]] = {
    "sklearn": ("pickled_model", SklearnReader()),
    "xgboost": ("data", XGBoostReader()),
    "lightgbm": ("data", LightGBMReader()),
    "catboost": ("data", CatBoostReader()),
    "onnx": ("data", OnnxReader()),
}


class PyFuncModel(ArtifactModel):
    """MLflow's generic model: a ``predict`` that returns a frame, an array or a list."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.names: tuple[str, ...] | None = None

    def predict(self, data: Any) -> Any:
        import numpy as np
        import pandas as pd

        result = self._model.predict(data)
        if isinstance(result, pd.DataFrame):
            self.names = tuple(map(str, result.columns))
        return np.asarray(result)


class MLflowReader:
    """Loads known flavours without MLflow; everything else through ``mlflow.pyfunc``."""

    framework: ClassVar[str] = "mlflow"
    package: ClassVar[str] = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow", "cloudpickle")
    extensions: ClassVar[tuple[str, ...]] = (MLMODEL_FILE,)

    def load(self, path: Path) -> Any:
        flavors = yaml.safe_load(path.read_text(encoding="utf-8"))["flavors"]
        for name, (key, reader) in _FLAVORS.items():
            if key in flavors.get(name, {}):
                return _load_file(path.parent / flavors[name][key], reader)
        import mlflow.pyfunc

        return mlflow.pyfunc.load_model(str(path.parent))

    def recognises(self, model: Any) -> bool:
        return is_a(model, "mlflow", "PyFuncModel")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return PyFuncModel(model)


def _load_file(path: Path, reader: Reader) -> Any:
    if path.suffix == ".pkl":
        return load_pickle(path)
    return SkopsReader().load(path) if path.suffix == ".skops" else reader.load(path)
