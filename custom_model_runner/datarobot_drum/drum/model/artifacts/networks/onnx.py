"""ONNX through onnxruntime: tensors in by type and name, one answer out, its classes by name."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, is_a
from datarobot_drum.drum.model.artifacts.networks.onnx_graph import class_names
from datarobot_drum.drum.model.artifacts.networks.tensors import (
    TEXT,
    Inputs,
    Tensor,
    joined_pieces,
    with_rows,
)
from datarobot_drum.drum.model.hooks import LOADING_FAILED
from datarobot_drum.drum.model.predictor import ClassLabels, Dense

_SIZES: Final = (8, 16, 32, 64)
_TYPES: Final = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(string)": TEXT,
    "tensor(bool)": "bool",
    **{f"tensor({kind}{size})": f"{kind}{size}" for kind in ("int", "uint") for size in _SIZES},
}
# Where a session of this reader keeps its file; others have it only where onnxruntime says it.
_PATH: Final = "artifact_path"
_FLOATS: Final = frozenset({"tensor(float)", "tensor(double)", "tensor(float16)"})
# How a converter begins the name of a class's own output, by the type of the label's.
_PREFIXES: Final = {"tensor(string)": "s", "tensor(int64)": "i"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """The outputs that are the answer; ``names``: the classes that these are called by."""

    outputs: list[str]
    names: tuple[str, ...] | None = None


class OnnxModel(ArtifactModel):
    """A session. Its classes go by the names that the model holds, by position where it has none.

    They are found in the keys of the dicts that a converter may have wrapped probabilities into,
    in the names of one output for each class, or in the classifier that the graph ends in.

    A graph that was exported for a fixed number of rows is fed that many at a time.
    """

    own_code = True
    dense = Dense.AT_ONCE

    def __init__(self, session: Any, target_type: TargetType, labels: ClassLabels | None) -> None:
        self._session = session
        self._labels = labels
        self._feeds = [tensor.name for tensor in session.get_inputs()]
        self._inputs = Inputs([_tensor(tensor) for tensor in session.get_inputs()])
        self._batch = _fixed_rows(session.get_inputs())
        self.columns = self._inputs.columns
        self._answer = _answer(session.get_outputs(), target_type)
        if target_type in (TargetType.BINARY, TargetType.MULTICLASS):
            self.names = self._answer.names or _names_in_graph(session, self._answer.outputs)

    def predict(self, data: Any) -> Any:
        arrays = self._inputs.arrays(data)
        if self._batch is None or len(arrays[0]) == self._batch:
            return self._answered(arrays)
        return joined_pieces(arrays, self._batch, self._answered)

    def _answered(self, arrays: Sequence[Any]) -> Any:
        feed = dict(zip(self._feeds, arrays, strict=True))
        results = self._session.run(self._answer.outputs, feed)
        if self._answer.names is not None:
            return _side_by_side(results)
        result = results[0]
        if isinstance(result, list):
            return self._unfold(result)
        if result.ndim == 3:  # of several labels: label, row, class
            return result[:, :, -1].T
        return self._both_classes(with_rows(result, len(arrays[0])))

    def _unfold(self, items: list[Any]) -> Any:
        """A dict for each row; or, of several labels, an array for each label."""
        import numpy as np

        if items and not isinstance(items[0], dict):
            return np.stack([item[:, -1] for item in items], axis=1)
        keys = {str(key): key for key in items[0]} if items else {}
        if items and keys.keys() != {*(self.names or ())}:
            self.names = tuple(keys)
        names = self.names or (self._labels.names if self._labels else ())
        rows = [[item[keys[name]] for name in names] for item in items]
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(names))

    def _both_classes(self, values: Any) -> Any:
        """One column is the probability of the second of the two classes that the model names."""
        import numpy as np

        if self.names is None or len(self.names) != 2 or values.size != len(values):
            return values
        column = values.reshape(-1, 1)
        return np.hstack((1 - column, column))


def _tensor(node: Any) -> Tensor:
    if node.type not in _TYPES:
        raise ModelLoadError(
            f"{LOADING_FAILED}The model's input '{node.name}' is a {node.type}, which no table "
            "can fill: feed it in a score hook."
        )
    shape = node.shape
    width = shape[1] if len(shape) > 1 and isinstance(shape[1], int) else None
    return Tensor(node.name, _TYPES[node.type], len(shape) or None, width)


def _fixed_rows(nodes: Sequence[Any]) -> int | None:
    """How many rows the graph takes at a time, no more and no less; None: any number."""
    firsts = {node.shape[0] if node.shape else None for node in nodes}
    first = firsts.pop() if len(firsts) == 1 else None
    return first if isinstance(first, int) and first > 0 else None


def _answer(outputs: Sequence[Any], target_type: TargetType) -> _Answer:
    """Of a classifier the probabilities, not the label that stands before them."""
    first = outputs[0].name
    if not target_type.is_classification():
        return _Answer([first])
    if all(output.type in _PREFIXES for output in outputs):
        raise ModelLoadError(
            f"{LOADING_FAILED}The graph's output '{first}' is a {outputs[0].type}: labels, and no "
            "probabilities, which a classification model publishes. Export it with its "
            "probabilities, or answer in a score hook."
        )
    if len(outputs) == 1:
        return _Answer([first])
    one_each = _one_for_each_class(outputs)
    if one_each is not None:
        return one_each
    named = [output.name for output in outputs if "prob" in output.name]
    maps = [output.name for output in outputs if output.type.startswith("seq(map(")]
    numbers = [output.name for output in outputs if output.type in _FLOATS]
    return _Answer([*(named or maps or numbers), first][:1])


def _one_for_each_class(outputs: Sequence[Any]) -> _Answer | None:
    label, *others = outputs
    prefix = _PREFIXES.get(label.type)
    fits = (
        output.type in _FLOATS and len(output.shape) == 1 and output.name.startswith(prefix or " ")
        for output in others
    )
    if prefix is None or len(others) < 2 or not all(fits):
        return None
    names = [output.name for output in others]
    return _Answer(names, tuple(name.removeprefix(prefix) for name in names))


def _side_by_side(columns: Sequence[Any]) -> Any:
    import numpy as np

    return np.stack(columns, axis=1)


def _names_in_graph(session: Any, answer: Sequence[str]) -> tuple[str, ...] | None:
    """None for a session whose file is not known, and for a graph without a classifier."""
    model: Any = getattr(session, "_model_bytes", None)
    path = getattr(session, _PATH, None) or getattr(session, "_model_path", None)
    if model is None and path and Path(path).is_file():
        with Path(path).open("rb") as file:
            model = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if model is None:
        return None
    labels = [output.name for output in session.get_outputs() if output.type in _PREFIXES]
    # The label first: a model inside of the graph may number what that calls by name.
    return class_names(model, [*labels, *answer])


class OnnxReader:
    framework: ClassVar[str] = "onnx"
    package: ClassVar[str] = "onnxruntime"
    modules: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    extensions: ClassVar[tuple[str, ...]] = (".onnx",)

    def load(self, path: Path) -> Any:
        import onnxruntime

        providers = onnxruntime.get_available_providers()
        session = onnxruntime.InferenceSession(str(path), providers=providers)
        setattr(session, _PATH, path)
        return session

    def recognises(self, model: Any) -> bool:
        return is_a(model, "onnxruntime", "InferenceSession")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return OnnxModel(model, target_type, labels)
