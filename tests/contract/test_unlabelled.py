"""Decision 1: binary models that do not name their columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.contract.folders import YES_NO, Folder, Folders
from tests.contract.fronts import Serve, in_process

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

SAME = "def post_process(predictions, model):\n    return predictions\n"


def network(columns: int) -> bytes:
    """A model that answers with its first input columns as they are."""
    from onnx import TensorProto, helper

    pick = np.eye(2, columns, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "pick"], ["output"])],
        "pick",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor("pick", TensorProto.FLOAT, pick.shape, pick.ravel())],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def folder_of(folders: Folders, columns: int, post_process: bool) -> Folder:
    files: dict[str, Any] = {"model.onnx": network(columns)}
    if post_process:
        files["custom.py"] = SAME
    return folders.make(f"onnx_{columns}_{post_process}", files).of_type("binary", *YES_NO)


@pytest.mark.parametrize("post_process", [False, True])
def test_decision_01_a_single_column_is_the_positive_class(
    serve: Serve, folders: Folders, post_process: bool
) -> None:
    answer = serve(folder_of(folders, 1, post_process)).predict("p,q\n0.75,9\n0.125,9\n")
    assert answer.predictions == [{"no": 0.25, "yes": 0.75}, {"no": 0.875, "yes": 0.125}]


@pytest.mark.parametrize("post_process", [False, True])
def test_decision_01_of_two_columns_the_first_is_negative(
    serve: Serve, folders: Folders, post_process: bool
) -> None:
    answer = serve(folder_of(folders, 2, post_process)).predict("p,q\n0.75,0.25\n0.125,0.875\n")
    assert answer.predictions == [{"no": 0.75, "yes": 0.25}, {"no": 0.125, "yes": 0.875}]


@in_process
def test_multiclass_takes_the_labels_in_their_order(serve: Serve, folders: Folders) -> None:
    folder = folders.make("onnx_multiclass", {"model.onnx": network(2)})
    client = serve(folder.of_type("multiclass", "--class-labels", "z", "a"))
    assert client.predict("p,q\n0.75,0.25\n").predictions == [{"z": 0.75, "a": 0.25}]


@in_process
def test_too_few_columns(serve: Serve, folders: Folders) -> None:
    folder = folders.make("onnx_three", {"model.onnx": network(2)})
    client = serve(folder.of_type("multiclass", "--class-labels", "a", "b", "c"))
    answer = client.predict("p,q\n0.75,0.25\n")
    assert (answer.status, answer.message) == (
        500,
        "ERROR: Your predictions must return the probability distribution for the correct number "
        "of class labels. Expected 3 columns, but received 2",
    )


@in_process
def test_one_column_of_three_labels(serve: Serve, folders: Folders) -> None:
    folder = folders.make("onnx_one_of_three", {"model.onnx": network(1)})
    client = serve(folder.of_type("multiclass", "--class-labels", "a", "b", "c"))
    answer = client.predict("p,q\n0.75,0.25\n")
    assert (answer.status, answer.message) == (
        500,
        "ERROR: Only one dimension of probability returned, but there are 3 class labels in this "
        "model",
    )


@in_process
def test_regression_with_two_columns(serve: Serve, folders: Folders) -> None:
    folder = folders.make("onnx_regression", {"model.onnx": network(2)})
    answer = serve(folder.of_type("regression")).predict("p,q\n0.75,0.25\n")
    assert answer.status == 500
    assert answer.message.startswith(
        "ERROR: Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
        "only 1 column. Your predictions have 2 columns: the model predicts 2 values for each row"
    )
