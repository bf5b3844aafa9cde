"""ONNX models for tests: converted as their users do, or made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.folders import write_folder

onnx = pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")
data_types = pytest.importorskip("skl2onnx.common.data_types")
RNG = np.random.default_rng(7)
X = RNG.normal(size=(120, 3)).astype(np.float32)
ROWS = pd.DataFrame(X, columns=["x1", "x2", "x3"])
LEVELS = np.array(["high", "low", "mid"])[np.digitize(X[:, 0], [-0.4, 0.4])]
PAIR = np.array(["bad", "good"])[(X[:, 0] > 0).astype(int)]


def save(folder: Path, model: Any, inputs: Any = None, **options: Any) -> Path:
    """Convert, as its users do."""
    inputs = inputs or [("X", data_types.FloatTensorType([None, 3]))]
    chosen = {id(model): options} if options else None
    proto = skl2onnx.convert_sklearn(model, initial_types=inputs, options=chosen, target_opset=18)
    return write_folder(folder, model_onnx=proto.SerializeToString())


def graph(folder: Path, nodes: list[Any], inputs: Any, outputs: Any, constants: Any = ()) -> Path:
    """A model made by hand: ``inputs`` and ``outputs`` are (name, type, shape)."""
    helper = onnx.helper
    values = [
        helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)
        for name, kind, shape in (*inputs, *outputs)
    ]
    made = helper.make_graph(
        nodes,
        "made",
        values[: len(inputs)],
        values[len(inputs) :],
        [onnx.numpy_helper.from_array(array, name) for name, array in dict(constants).items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(made, opset_imports=opsets, ir_version=8)
    return write_folder(folder, model_onnx=proto.SerializeToString())


def assert_same(got: Any, columns: Any, expected: Any) -> None:
    """Compare by name, as clients read."""
    frame = pd.DataFrame(got.values, columns=list(got.columns))
    np.testing.assert_allclose(frame[list(columns)].to_numpy(), expected, rtol=1e-3, atol=1e-4)
