"""Keras: ``.h5`` and ``.keras`` files, models, and pipelines that end in one."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, is_a, last_step
from datarobot_drum.drum.model.artifacts.networks.tensors import (
    TEXT,
    Inputs,
    Tensor,
    require_probabilities,
)
from datarobot_drum.drum.model.artifacts.sklearn_columns import sklearn_columns
from datarobot_drum.drum.model.predictor import ClassLabels, Dense

_BACKENDS: Final = ("tensorflow", "torch", "jax")


class KerasModel(ArtifactModel):
    """A model, or a pipeline that ends in one; its output's columns are the classes by position."""

    names: tuple[str, ...] | None = None
    dense = Dense.AT_ONCE

    def __init__(self, model: Any, classifies: bool = False) -> None:
        self._classifies = classifies
        self._model = last_step(model)
        # A pipeline's own way to its last step asks it what only scikit-learn's estimators know.
        self._steps = model[:-1] if model is not self._model and len(model.steps) > 1 else None
        self._structure = getattr(self._model, "input", None)
        tensors = _tensors(self._model, self._structure)
        self._inputs = Inputs(tensors) if tensors and self._steps is None else None
        self.columns = self._inputs.columns if self._inputs else sklearn_columns(model)

    def predict(self, data: Any) -> Any:
        result = self._model.predict(self._fed(data), verbose=0)
        if isinstance(result, (list, tuple, dict)):
            raise ValueError(
                f"The model has {len(result)} outputs, and nothing says which one is the "
                "prediction: save a model with one output, or choose it in a score hook."
            )
        if self._classifies:
            kind = str(result.dtype)
            require_probabilities(kind, "float" in kind)
        # numpy itself cannot read bfloat16, which is one of the types that others add to it.
        return result.astype("float32") if _is_bfloat16(result) else result

    def _fed(self, data: Any) -> Any:
        """Rows in the structure that the model was made with.

        What is no table (a ``read_input_data`` hook may return anything) goes as it is.
        """
        import pandas as pd

        if self._steps is not None:
            return self._steps.transform(data)
        if self._inputs is None or not isinstance(data, pd.DataFrame):
            return data
        arrays = self._inputs.arrays(data)
        if isinstance(self._structure, dict):
            return dict(zip(sorted(self._structure), arrays, strict=True))
        return arrays if len(arrays) > 1 else arrays[0]


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
        return KerasModel(model, target_type.is_classification())


def _is_bfloat16(result: Any) -> bool:
    return str(getattr(result, "dtype", "")) == "bfloat16"


def _tensors(model: Any, structure: Any) -> list[Tensor]:
    """The inputs, in the model's order; none where it makes them up at its first call."""
    inputs = getattr(model, "inputs", None) or ()
    by_key = isinstance(structure, dict)
    names = sorted(structure) if by_key else [tensor.name for tensor in inputs]
    return [_tensor(name, tensor) for name, tensor in zip(names, inputs, strict=True)]


def _tensor(name: str, tensor: Any) -> Tensor:
    # A symbolic tensor of the TensorFlow backend's older Keras has a dtype object.
    kind = getattr(tensor.dtype, "name", tensor.dtype)
    dtype = {"string": TEXT, "bfloat16": "float32"}.get(kind, kind)
    shape = tensor.shape
    return Tensor(name, dtype, len(shape), shape[1] if len(shape) > 1 else None)


def _is_keras(model: Any) -> bool:
    return is_a(model, "keras", "Model") or is_a(model, "tf_keras", "Model")


def _choose_backend() -> None:
    """Keras insists on TensorFlow unless told otherwise; take the backend that is there."""
    installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    if installed:
        os.environ.setdefault("KERAS_BACKEND", installed[0])
