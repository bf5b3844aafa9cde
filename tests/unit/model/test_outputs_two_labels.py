"""One probability column where a multiclass model has two labels; several values where one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ModelError
from tests.unit.folders import load, predict, write_folder

RNG = np.random.default_rng(5)
ROWS = pd.DataFrame(RNG.normal(size=(80, 2)).astype(np.float32), columns=["a", "b"])
TARGET = (ROWS["a"] + ROWS["b"] > 0).astype(int).to_numpy()


def xgboost_model(folder: Path) -> Any:
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(ROWS, label=TARGET)
    booster = xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=4)
    booster.save_model(folder / "model.ubj")
    return booster.predict(data)


def lightgbm_model(folder: Path) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    options = {"objective": "binary", "verbose": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(ROWS, TARGET), num_boost_round=4)
    booster.save_model(folder / "model.txt")
    return booster.predict(ROWS)


def torch_model(folder: Path) -> Any:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Sigmoid()).eval()
    torch.save(module, folder / "model.pth")
    return module(torch.tensor(ROWS.to_numpy())).detach().numpy()[:, 0]


def keras_model(folder: Path) -> Any:
    pytest.importorskip("torch")
    keras = pytest.importorskip("keras")
    model = keras.Sequential(
        [keras.layers.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.save(folder / "model.keras")
    return model.predict(ROWS.to_numpy(), verbose=0)[:, 0]


def onnx_model(folder: Path) -> Any:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.array([[0.5], [-2.0]], dtype=np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["X", "w"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["p"]),
    ]
    inputs = [helper.make_tensor_value_info("X", kind, [None, 2])]
    outputs = [helper.make_tensor_value_info("p", kind, [None, 1])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weights])
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    return 1 / (1 + np.exp(-(ROWS.to_numpy() @ [0.5, -2.0])))


MODELS = {
    "xgboost": xgboost_model,
    "lightgbm": lightgbm_model,
    "torch": torch_model,
    "keras": keras_model,
    "onnx": onnx_model,
}


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


@pytest.mark.parametrize("labels", [("no", "yes"), ("good", "bad")])
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_the_column_is_the_second_labels(
    tmp_path: Path, kind: str, labels: tuple[str, str]
) -> None:
    expected = MODELS[kind](tmp_path)
    result = predict(load(tmp_path, "multiclass", class_labels=labels), ROWS)
    assert result.columns == labels
    np.testing.assert_allclose(result.values[:, 1], expected, rtol=1e-5)
    np.testing.assert_allclose(result.values[:, 0], 1 - expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_one_column_is_not_enough_for_others(tmp_path: Path, kind: str) -> None:
    """Three classes are no pair, and two labels that do not exclude each other are no classes."""
    torch_model(tmp_path)
    labels = ("a", "b", "c") if kind == "multiclass" else ("a", "b")
    expected = f"Only one dimension of probability returned, but there are {len(labels)} class lab"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, kind, class_labels=labels), ROWS)


def test_the_one_column_of_a_hook_stays_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, "def score(data, model, **kw): return pd.DataFrame({'yes': data['a']})")
    with pytest.raises(ModelError, match="Expected predictions to have columns"):
        predict(load(tmp_path, "multiclass", class_labels=("no", "yes")), ROWS.abs() % 1)


class OneSided:
    """Names two classes, and returns one column."""

    classes_ = np.array(["no", "yes"])

    def predict_proba(self, rows: Any) -> Any:
        return np.full((len(rows), 1), 0.25)

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), "no")


def test_an_estimator_of_two_names_and_one_column(tmp_path: Path) -> None:
    """It is refused as one of several classes; as a pair, the names say which one comes second."""
    write_folder(tmp_path, model_pkl=OneSided())
    with pytest.raises(ModelError, match="Only one dimension of probability returned"):
        predict(load(tmp_path, "multiclass", class_labels=("no", "yes")), ROWS)
    for positive, negative in (("yes", "no"), ("no", "yes")):
        labels = {"positive_class_label": positive, "negative_class_label": negative}
        result = predict(load(tmp_path, "binary", **labels), ROWS)
        assert dict(zip(result.columns, result.values[0], strict=True)) == {"no": 0.75, "yes": 0.25}


@pytest.mark.parametrize("kind", ["regression", "anomaly"])
def test_several_values_for_each_row_say_what_they_are(tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 3), tmp_path / "model.pth")
    with pytest.raises(ModelError) as error:
        predict(load(tmp_path, kind), ROWS[:4])
    assert str(error.value) == (
        "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
        "only 1 column. Your predictions have 3 columns: the model predicts 3 values for each row "
        f"(the shape is (4, 3)), and target type '{kind}' publishes one. Serve a model of one "
        "value, or choose one in a score hook."
    )
