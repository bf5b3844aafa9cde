"""A ``squeeze`` in a model takes the rows' dimension away from a single row: it is put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.folders import load, predict, write_folder

# torch would have people export in another way.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")

ROWS = pd.DataFrame({"a": [0.1, -0.2, 0.3, 1.5], "b": [1.0, 2.0, 3.0, 4.0]})
TARGETS: dict[str, tuple[int, dict[str, Any]]] = {
    "regression": (1, {}),
    "binary": (1, {"positive_class_label": "yes", "negative_class_label": "no"}),
    "multiclass": (3, {"class_labels": ["z", "y", "x"]}),
    "multilabel": (2, {"class_labels": ["z", "y"]}),
}


def torch_file(folder: Path, units: int, target: str) -> None:
    torch = pytest.importorskip("torch")
    activation = torch.nn.Softmax(1) if target == "multiclass" else torch.nn.Sigmoid()
    layers = torch.nn.Sequential(torch.nn.Linear(2, units), activation)

    class Squeezing(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, rows):  # type: ignore[no-untyped-def]
            return self.layers(rows).squeeze()

    torch.jit.trace(Squeezing().eval(), torch.ones(3, 2)).save(folder / "model.pt")


def onnx_file(folder: Path, units: int, target: str) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.linspace(-1, 1, 2 * units).reshape(2, units).astype(np.float32)
    last = "Softmax" if target == "multiclass" else "Sigmoid"
    nodes = [
        helper.make_node("MatMul", ["rows", "weights"], ["sums"]),
        helper.make_node(last, ["sums"], ["shares"]),
        helper.make_node("Squeeze", ["shares"], ["answer"]),
    ]
    graph = helper.make_graph(
        nodes,
        "squeezing",
        [helper.make_tensor_value_info("rows", kind, [None, 2])],
        [helper.make_tensor_value_info("answer", kind, None)],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "model.onnx")


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize("save", [torch_file, onnx_file])
def test_one_row_is_answered_as_among_others(tmp_path: Path, save: Any, target: str) -> None:
    units, labels = TARGETS[target]
    save(write_folder(tmp_path), units, target)
    served = load(tmp_path, target, **labels)
    together = predict(served, ROWS)
    for place in range(len(ROWS)):
        alone = predict(served, ROWS.iloc[[place]].reset_index(drop=True))
        assert alone.columns == together.columns
        assert np.allclose(alone.values, together.values[[place]], 1e-6)
