"""Folders with an MLmodel, with and without MLflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.folders import load, predict
from tests.unit.model.artifacts.saved import binary, xgb_binary


def test_mlflow_folder_of_a_known_flavour_needs_no_mlflow(tmp_path: Path, cancer: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows, target = cancer
    booster = xgb_binary(rows, target)
    booster.save_model(tmp_path / "model.ubj")
    (tmp_path / "MLmodel").write_text(
        "flavors:\n"
        "  python_function: {loader_module: mlflow.xgboost, data: model.ubj}\n"
        "  xgboost: {data: model.ubj, model_class: xgboost.core.Booster}\n"
    )
    predictor = binary(tmp_path)
    expected = booster.predict(xgboost.DMatrix(rows))
    np.testing.assert_allclose(predict(predictor, rows).values[:, 1], expected)
    assert predictor.info.framework == "xgboost"


def test_mlflow_folder_of_a_python_function(tmp_path: Path) -> None:
    pytest.importorskip("mlflow.pyfunc")
    script = (
        "import mlflow.pyfunc, sys\n"
        "class Sum(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input.sum(axis=1)\n"
        "mlflow.pyfunc.save_model(sys.argv[1], python_model=Sum())\n"
    )
    folder = tmp_path / "saved"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, folder], check=True, cwd=tmp_path)
    predictor = load(folder, "regression")
    assert predict(predictor).values[:, 0].tolist() == [5.0, 7.0, 9.0]
    assert predictor.info.framework == "mlflow"
