"""Files of ONNX, PyTorch and Keras, saved by the real library, loaded from a folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from datarobot_drum.drum.exceptions import ModelError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.saved import LABELS


def save_onnx(folder: Path, model: Any, columns: int, *, zipmap: bool) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(model): {"zipmap": zipmap}} if hasattr(model, "classes_") else None
    proto = skl2onnx.convert_sklearn(
        model, initial_types=[("input", FloatTensorType([None, columns]))], options=options
    )
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())


@pytest.mark.parametrize("zipmap", [True, False])
def test_onnx_probabilities_whether_unfolded_or_not(
    tmp_path: Path, iris: Any, zipmap: bool
) -> None:
    rows, target = iris
    model = LogisticRegression(max_iter=500).fit(rows, np.array(LABELS)[target])
    save_onnx(tmp_path, model, 4, zipmap=zipmap)
    predictor = load(tmp_path, "multiclass", class_labels=LABELS)
    result = predict(predictor, rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, model.predict_proba(rows), rtol=1e-4, atol=1e-6)
    assert predictor.info.framework == "onnx"


def test_onnx_regression(tmp_path: Path, diabetes: Any) -> None:
    rows, target = diabetes
    model = LinearRegression().fit(rows, target)
    save_onnx(tmp_path, model, 10, zipmap=False)
    result = predict(load(tmp_path, "regression"), rows)
    np.testing.assert_allclose(result.values[:, 0], model.predict(rows), rtol=1e-3)


# --- torch and keras ---------------------------------------------------------------------


def torch_module(outputs: int, *last: Any) -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, outputs), *last
    )


@pytest.mark.parametrize("name", ["model.pth", "model.pt"])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torch_modules_predict_in_evaluation_mode(tmp_path: Path, name: str) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1)
    if name.endswith("pth"):
        torch.save(module, tmp_path / name)
    else:
        torch.jit.save(torch.jit.script(module), tmp_path / name)
    predictor = load(tmp_path, "regression")
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    expected = module.eval()(torch.tensor(rows.to_numpy(dtype=np.float32))).detach().numpy()
    np.testing.assert_allclose(predict(predictor, rows).values, expected)
    assert predictor.info.framework == "torch"


def test_torch_single_output_is_the_positive_class(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1, torch.nn.Sigmoid()).eval()
    torch.save(module, tmp_path / "model.pth")
    result = predict(load(tmp_path, "binary"))
    assert result.columns == ("no", "yes")
    rows = torch.tensor([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
    np.testing.assert_allclose(result.values[:, 1], module(rows).detach().numpy()[:, 0])
    np.testing.assert_allclose(result.values.sum(axis=1), 1)


def test_single_output_is_no_answer_for_three_classes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch_module(1), tmp_path / "model.pth")
    expected = "Only one dimension of probability returned, but there are 3 class labels"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "multiclass", class_labels=LABELS))


def test_wrong_number_of_unnamed_columns(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch_module(2, torch.nn.Softmax(1)), tmp_path / "model.pth")
    expected = (
        "probability distribution for the correct number of class labels. "
        "Expected 3 columns, but received 2"
    )
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "multiclass", class_labels=LABELS))


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
@pytest.mark.filterwarnings("ignore")
def test_keras_files(tmp_path: Path, keras: Any, name: str) -> None:
    layers = [keras.layers.Input((2,)), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.save(tmp_path / name)
    predictor = load(tmp_path, "multiclass", class_labels=LABELS)
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    result = predict(predictor, rows)
    assert result.columns == LABELS
    np.testing.assert_allclose(result.values, model.predict(rows.to_numpy(), verbose=0), rtol=1e-5)
    assert predictor.info.framework == "keras"


@pytest.mark.filterwarnings("ignore")
def test_keras_takes_the_backend_that_is_installed(tmp_path: Path, keras: Any) -> None:
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    script = (
        "import os, sys\n"
        "from tests.unit.folders import load, predict\n"
        "from pathlib import Path\n"
        "assert len(predict(load(Path(sys.argv[1]), 'regression'))) == 3\n"
        "assert os.environ['KERAS_BACKEND'] != 'tensorflow'\n"
    )
    surroundings = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("its own default backend is installed")
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, env=surroundings)


def test_sparse_rows_reach_models_of_dense_matrices(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch_module(1)
    torch.save(module, tmp_path / "model.pth")
    predictor = load(tmp_path, "regression")
    rows = pd.DataFrame({"a": [0.0, 2.0, 0.0], "b": [1.0, 0.0, 0.0]})
    sparse = rows.astype(pd.SparseDtype(float, 0.0))
    np.testing.assert_array_equal(
        predict(predictor, sparse).values, predict(predictor, rows).values
    )
