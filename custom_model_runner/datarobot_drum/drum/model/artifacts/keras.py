"""Keras: ``.h5`` and ``.keras`` files, models, and pipelines that end in one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, is_a, last_step
from datarobot_drum.drum.model.predictor import ClassLabels

_BACKENDS: Final = ("tensorflow", "torch", "jax")


class KerasModel(ArtifactModel):
    """A model knows no labels: its columns are the classes by position."""

    names: tuple[str, ...] | None = None

    def __init__(self, model: Any) -> None:
        self._model = model
        self._options = {"verbose": 0} if _is_keras(model) else {}

    def predict(self, data: Any) -> Any:
        return self._model.predict(data, **self._options)


class KerasReader:
    framework: ClassVar[str] = "keras"
    package: ClassVar[str] = "keras h5py tensorflow"
    modules: ClassVar[tuple[str, ...]] = ("keras", "tensorflow", "h5py")
    extensions: ClassVar[tuple[str, ...]] = (".h5", ".keras")

    def load(self, path: Path) -> Any:
        _choose_backend()
        import keras

        return keras.models.load_model(str(path), compile=False)

    def recognises(self, model: Any) -> bool:
        return _is_keras(last_step(model))

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return KerasModel(model)


def _is_keras(model: Any) -> bool:
    return is_a(model, "keras", "Model") or is_a(model, "tf_keras", "Model")


def _choose_backend() -> None:
    """Keras insists on TensorFlow unless told otherwise; take the backend that is there."""
    installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    if installed:
        os.environ.setdefault("KERAS_BACKEND", installed[0])
