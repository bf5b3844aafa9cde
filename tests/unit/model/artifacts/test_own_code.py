"""Which models run no code of the user's when they predict: ``ModelInfo.own_code``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.special
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import PairwiseKernel
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.artifacts.own_code import is_all_own
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.folders import ROWS, load, predict, write_folder

TARGET = [1.0, 2.0, 3.0]


def halved(data: Any) -> Any:
    return data / 2


def distance(one: Any, other: Any) -> float:
    return float(np.abs(one - other).sum())


def similarity(one: Any, other: Any, **_options: Any) -> float:
    return float(np.exp(-distance(one, other)))


class Ducked:
    """A step that inherits nothing of scikit-learn's."""

    def fit(self, data: Any, target: Any = None) -> Ducked:
        return self

    def transform(self, data: Any) -> Any:
        return data

    def fit_transform(self, data: Any, target: Any = None) -> Any:
        return data


class Halving(TransformerMixin, BaseEstimator):
    def fit(self, data: Any, target: Any = None) -> Halving:
        return self

    def transform(self, data: Any) -> Any:
        return data / 2


class Own(LinearRegression):
    pass


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        make_pipeline(StandardScaler(), HistGradientBoostingRegressor()),
        make_pipeline(FunctionTransformer(np.log1p), RandomForestRegressor(3)),
        make_pipeline(FunctionTransformer(partial(np.clip, a_min=0, a_max=9)), LinearRegression()),
        make_pipeline(
            ColumnTransformer([("x", OneHotEncoder(dtype=np.float32), ["a"])], remainder="drop"),
            LinearRegression(),
        ),
        GridSearchCV(
            KNeighborsRegressor(1), {"p": [1, 2]}, cv=2, scoring="neg_mean_absolute_error"
        ),
        GaussianProcessRegressor(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learns_own(tmp_path: Path, model: Any) -> None:
    folder = write_folder(tmp_path, model_pkl=model.fit(ROWS, TARGET))
    assert load(folder, "regression").info.own_code


@pytest.mark.parametrize(
    "model",
    [
        Own(),
        make_pipeline(Halving(), LinearRegression()),
        make_pipeline(Ducked(), LinearRegression()),
        make_pipeline(FunctionTransformer(halved), LinearRegression()),
        make_pipeline(FunctionTransformer(partial(halved)), LinearRegression()),
        make_pipeline(FunctionTransformer(np.vectorize(halved)), LinearRegression()),
        GaussianProcessRegressor(PairwiseKernel(metric=similarity)),
        KNeighborsRegressor(1, metric=distance, algorithm="brute"),
        GridSearchCV(
            make_pipeline(Halving(), LinearRegression()),
            {},
            cv=2,
            scoring="neg_mean_absolute_error",
        ),
    ],
    ids=[
        "class",
        "step",
        "duck",
        "function",
        "partial",
        "vectorized",
        "kernel",
        "metric",
        "search",
    ],
)
def test_with_something_of_the_users(
    tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    importable = ModuleType("of_the_user")
    vars(importable).update({thing.__name__: thing for thing in (halved, distance, similarity)})
    vars(importable).update({thing.__name__: thing for thing in (Ducked, Halving, Own)})
    for thing in (halved, distance, similarity, Ducked, Halving, Own):
        monkeypatch.setattr(thing, "__module__", "of_the_user")
    monkeypatch.setitem(sys.modules, "of_the_user", importable)
    folder = write_folder(tmp_path, model_pkl=model.fit(ROWS, TARGET))
    assert not load(folder, "regression").info.own_code


def test_a_function_of_the_users_that_numpy_has_made_its_own() -> None:
    assert is_all_own(FunctionTransformer(np.log1p))
    assert is_all_own(FunctionTransformer(scipy.special.expit))
    assert not is_all_own(FunctionTransformer(np.frompyfunc(halved, 1, 1)))


def test_any_hook_may_have_changed_the_model(tmp_path: Path) -> None:
    model = LinearRegression().fit(ROWS, TARGET)
    folder = write_folder(tmp_path, model_pkl=model)
    (folder / "custom.py").write_text("def init(code_dir):\n    pass\n")
    assert not load(folder, "regression").info.own_code


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "catboost"])
def test_boosters(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip(kind)
    make = {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor", "catboost": "CatBoostRegressor"}
    options = {"verbose": 0, "allow_writing_files": False} if kind == "catboost" else {}
    model = getattr(library, make[kind])(n_estimators=2, **options).fit(ROWS, TARGET)
    assert load(write_folder(tmp_path, model_pkl=model), "regression").info.own_code


def test_torch_layers_are_torchs_own_and_a_module_class_is_not(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 1)), tmp_path / "model.pth")
    assert load(tmp_path, "regression").info.own_code

    from datarobot_drum.drum.model.artifacts.networks.torch import TorchModel

    class Net(torch.nn.Module):  # type: ignore[misc]
        pass

    assert not TorchModel(torch.nn.Sequential(Net(), torch.nn.Linear(2, 1))).own_code


def test_code_that_mlflow_saved_is_neither_run_at_the_start_nor_on_the_event_loop(
    tmp_path: Path,
) -> None:
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    script = tmp_path / "loader_of_the_user.py"
    script.write_text(
        "from pathlib import Path\n"
        "class Model:\n"
        "    def predict(self, data, params=None):\n"
        f"        Path({str(tmp_path / 'called')!r}).touch()\n"
        "        return data.iloc[:, 0] * 2.0\n"
        "def _load_pyfunc(path):\n"
        "    return Model()\n"
    )
    pyfunc.save_model(str(tmp_path / "saved"), loader_module=script.stem, code_paths=[str(script)])
    predictor = load(tmp_path / "saved", "regression")
    assert not predictor.info.own_code
    service = PredictionService(predictor, ServiceSettings())
    service.warm_up()
    service.close()
    assert not (tmp_path / "called").exists()
    assert predict(predictor).values[:, 0].tolist() == [2.0, 4.0, 6.0]
    assert (tmp_path / "called").exists()
