"""ONNX through onnxruntime: one float32 matrix in, one of the outputs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, float_matrix, is_a
from datarobot_drum.drum.model.predictor import ClassLabels

_PROBABILITIES: Final = frozenset({TargetType.BINARY, TargetType.MULTICLASS})


class OnnxModel(ArtifactModel):
    """A session: columns are the classes by position.

    Converters may wrap probabilities into one dict for each row; its keys order the columns
    when they are spelled like the labels.
    """

    names: tuple[str, ...] | None = None

    def __init__(self, session: Any, target_type: TargetType, labels: ClassLabels | None) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._output = _output_name([o.name for o in session.get_outputs()], target_type)
        self._labels = labels

    def predict(self, data: Any) -> Any:
        (result,) = self._session.run([self._output], {self._input: float_matrix(data)})
        return self._unfold(result) if isinstance(result, list) else result

    def _unfold(self, rows: list[dict[Any, float]]) -> Any:
        import numpy as np

        keys = list(rows[0]) if rows else []
        by_name = {str(key): key for key in keys}
        if self._labels is not None and by_name.keys() == set(self._labels.names):
            keys = [by_name[name] for name in self._labels.names]
        return np.array([[row[key] for key in keys] for row in rows], dtype=np.float32)


def _output_name(names: list[str], target_type: TargetType) -> str:
    if len(names) > 1 and target_type in _PROBABILITIES:
        return next((name for name in names if "prob" in name), names[0])
    return names[0]


class OnnxReader:
    framework: ClassVar[str] = "onnx"
    package: ClassVar[str] = "onnxruntime"
    modules: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    extensions: ClassVar[tuple[str, ...]] = (".onnx",)

    def load(self, path: Path) -> Any:
        import onnxruntime

        return onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )

    def recognises(self, model: Any) -> bool:
        return is_a(model, "onnxruntime", "InferenceSession")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return OnnxModel(model, target_type, labels)
