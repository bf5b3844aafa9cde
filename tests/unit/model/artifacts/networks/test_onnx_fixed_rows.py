"""ONNX models that were exported for a fixed number of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from datarobot_drum.drum.exceptions import ModelError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.networks.onnx_models import (
    LEVELS,
    ROWS,
    X,
    assert_same,
    data_types,
    graph,
    onnx,
    save,
)

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("rows", [1, 3, 4, 10])
def test_a_fixed_number_of_rows_is_fed_a_piece_at_a_time(
    tmp_path: Path, size: int, rows: int
) -> None:
    weights = np.array([[1.0], [10.0]], dtype=np.float32)
    nodes = [onnx.helper.make_node("MatMul", ["X", "w"], ["y"])]
    shapes = [("X", "FLOAT", [size, 2])], [("y", "FLOAT", [size, 1])]
    graph(tmp_path, nodes, *shapes, {"w": weights})
    frame = pd.DataFrame({"a": np.arange(rows) / 4, "b": np.arange(rows) % 3})
    got = predict(load(tmp_path, "regression"), frame).values
    np.testing.assert_array_equal(got, frame.to_numpy(dtype=np.float32) @ weights)


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_classes_of_a_fixed_number_of_rows_are_those_of_any(tmp_path: Path, zipmap: Any) -> None:
    model = LogisticRegression().fit(X, LEVELS)
    save(tmp_path, model, [("X", data_types.FloatTensorType([7, 3]))], zipmap=zipmap)
    result = predict(load(tmp_path, "multiclass", class_labels=("low", "mid", "high")), ROWS)
    assert_same(result, ("high", "low", "mid"), model.predict_proba(X))


def test_a_graph_of_fixed_rows_that_gives_one_answer_for_all_is_called_so(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("ReduceSum", ["X"], ["y"], keepdims=1)]
    graph(tmp_path, nodes, [("X", "FLOAT", [4, 2])], [("y", "FLOAT", [1, 1])])
    with pytest.raises(ModelError, match="takes 4 rows at a time, and answered with 1: export"):
        predict(load(tmp_path, "regression"), pd.DataFrame({"a": [1.0], "b": [2.0]}))
