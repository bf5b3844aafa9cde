"""Regressors of every flavour that MLflow saves, each with a function that saves one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.unit.model.artifacts.mlflow.saved import save, signature

pytest.importorskip("mlflow.pyfunc")
import mlflow.pyfunc

Save = Callable[[Path, Any, Any], None]


def sklearn_skops(folder: Path, rows: Any, target: Any) -> None:
    save("sklearn", LinearRegression().fit(rows, target), folder)


def sklearn_pickle(folder: Path, rows: Any, target: Any) -> None:
    model = LinearRegression().fit(rows, target)
    save("sklearn", model, folder, serialization_format="pickle")


def sklearn_signed(folder: Path, rows: Any, target: Any) -> None:
    """Trained on float32: MLflow brings rows to it, and so the digits are others."""
    single = rows.astype("float32")
    model = LinearRegression().fit(single, target.astype("float32"))
    save("sklearn", model, folder, signature=signature(single, target))


def xgboost_early(folder: Path, rows: Any, target: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=300, early_stopping_rounds=5, learning_rate=0.5)
    model.fit(rows[:60], target[:60], eval_set=[(rows[60:], target[60:])], verbose=False)
    assert model.best_iteration < 200
    save("xgboost", model, folder)


def xgboost_json(folder: Path, rows: Any, target: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=9, booster="dart", rate_drop=0.5).fit(rows, target)
    save("xgboost", model, folder, model_format="json")


def xgboost_native(folder: Path, rows: Any, target: Any) -> None:
    """A native booster uses all its trees, also those after the best."""
    xgboost = pytest.importorskip("xgboost")
    data, more = xgboost.DMatrix(rows[:60], target[:60]), xgboost.DMatrix(rows[60:], target[60:])
    model = xgboost.train(
        {"eta": 0.5}, data, 60, evals=[(more, "more")], early_stopping_rounds=5, verbose_eval=False
    )
    save("xgboost", model, folder)


def lightgbm_sklearn(folder: Path, rows: Any, target: Any) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    save("lightgbm", lightgbm.LGBMRegressor(n_estimators=9, verbose=-1).fit(rows, target), folder)


def lightgbm_native(folder: Path, rows: Any, target: Any) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = lightgbm.Dataset(rows, target)
    save("lightgbm", lightgbm.train({"verbose": -1}, data, num_boost_round=9), folder)


def _catboost(folder: Path, rows: Any, target: Any, kind: str, loss: str) -> None:
    catboost = pytest.importorskip("catboost")
    model = getattr(catboost, kind)(
        {"iterations": 9, "loss_function": loss, "allow_writing_files": False}
    )
    save("catboost", model.fit(rows, np.abs(target), verbose=False), folder)


def catboost_regressor(folder: Path, rows: Any, target: Any) -> None:
    _catboost(folder, rows, target, "CatBoost", "RMSE")


def catboost_poisson(folder: Path, rows: Any, target: Any) -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(
        iterations=9, loss_function="Poisson", allow_writing_files=False, verbose=False
    )
    save("catboost", model.fit(rows, np.abs(target)), folder)


def catboost_generic(folder: Path, rows: Any, target: Any) -> None:
    """Without a class of its own it predicts what the formula says, before any link."""
    _catboost(folder, rows, target, "CatBoost", "Poisson")


def onnx_file(folder: Path, rows: Any, target: Any) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LinearRegression().fit(rows, target)
    save("onnx", skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32)), folder)


def onnx_with_options(folder: Path, rows: Any, target: Any) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LinearRegression().fit(rows, target)
    options = {"intra_op_num_threads": 1, "graph_optimization_level": 0}
    exported = skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32))
    save("onnx", exported, folder, onnx_session_options=options)


def pytorch_module(folder: Path, rows: Any, target: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 1))
    save("pytorch", model, folder, serialization_format="pickle")


def pytorch_exported(folder: Path, rows: Any, target: Any) -> None:
    """MLflow's default. Its signature asks for one tensor of float32."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    example = rows[:5].to_numpy(np.float32)
    save("pytorch", torch.nn.Linear(3, 1), folder, input_example=example)


def statsmodels_ols(folder: Path, rows: Any, target: Any) -> None:
    pytest.importorskip("statsmodels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import statsmodels.formula.api as smf

        model = smf.ols("target ~ a + b * c", rows.assign(target=target)).fit()
    save("statsmodels", model, folder, signature=signature(rows, target))


class Weighted(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["a"] * 2 + model_input["b"]


def python_function(folder: Path, rows: Any, target: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(str(folder), python_model=Weighted(), pip_requirements=[])


REGRESSIONS = [
    sklearn_skops,
    sklearn_pickle,
    sklearn_signed,
    xgboost_early,
    xgboost_json,
    xgboost_native,
    lightgbm_sklearn,
    lightgbm_native,
    catboost_regressor,
    catboost_poisson,
    catboost_generic,
    onnx_file,
    onnx_with_options,
    pytorch_module,
    pytorch_exported,
    statsmodels_ols,
    python_function,
]
