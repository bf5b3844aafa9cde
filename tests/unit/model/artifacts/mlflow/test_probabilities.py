"""Classifiers that MLflow saved give the probabilities that the fitted object gives."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from datarobot_drum.drum.exceptions import ModelError, ModelLoadError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.mlflow.saved import LABELS, by_mlflow, save, signature

pytest.importorskip("mlflow.pyfunc")


@pytest.mark.parametrize("how", ["skops", "cloudpickle", "pickle"])
def test_sklearn_classes_get_probabilities(
    tmp_path: Path, rows: pd.DataFrame, classes: Any, how: str
) -> None:
    model = LogisticRegression().fit(rows, classes)
    folder = save("sklearn", model, tmp_path / "saved", serialization_format=how)
    result = predict(load(folder, "multiclass", class_labels=LABELS[::-1]), rows)
    assert result.columns == LABELS
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_a_method_that_mlflow_was_told_to_call(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    model = LogisticRegression().fit(rows, classes == "low")
    folder = tmp_path / "saved"
    save("sklearn", model, folder, pyfunc_predict_fn="predict_log_proba")
    labels = {"positive_class_label": "True", "negative_class_label": "False"}
    result = predict(load(folder, "binary", **labels), rows)
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))
    with pytest.raises(ModelError, match="must contain only 1 column"):
        predict(load(folder, "regression"), rows)


def test_a_method_that_only_mlflow_calls_needs_mlflow(
    tmp_path: Path, rows: pd.DataFrame, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit(rows, classes)
    folder = save("sklearn", model, tmp_path / "saved", pyfunc_predict_fn="predict_proba")
    monkeypatch.setitem(sys.modules, "mlflow.pyfunc", None)
    load(folder, "multiclass", class_labels=LABELS)
    with pytest.raises(ModelLoadError, match="pip install mlflow"):
        load(folder, "regression")


def test_xgboost_classes_by_the_names_of_the_classifier(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    xgboost = pytest.importorskip("xgboost")
    codes = np.unique(classes, return_inverse=True)[1]
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3)
    model.fit(rows[:90], codes[:90], eval_set=[(rows[90:], codes[90:])], verbose=False)
    folder = save("xgboost", model, tmp_path / "saved")
    result = predict(load(folder, "multiclass", class_labels=("2", "0", "1")), rows)
    assert result.columns == ("0", "1", "2")
    np.testing.assert_array_equal(result.values, model.predict_proba(rows))


def test_lightgbm_and_catboost_classes(tmp_path: Path, rows: pd.DataFrame, classes: Any) -> None:
    lightgbm, catboost = pytest.importorskip("lightgbm"), pytest.importorskip("catboost")
    models = {
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(rows, classes),
        "catboost": catboost.CatBoostClassifier(
            iterations=5, verbose=False, allow_writing_files=False
        ).fit(rows, classes),
    }
    for name, model in models.items():
        folder = save(name, model, tmp_path / name)
        result = predict(load(folder, "multiclass", class_labels=("low", "high", "mid")), rows)
        assert result.columns == LABELS
        np.testing.assert_array_equal(result.values, model.predict_proba(rows))


@pytest.mark.parametrize("options", [None, {"intra_op_num_threads": 1}])
def test_onnx_classes(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], options: Any
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = LogisticRegression().fit(rows, (target > 0).astype(int))
    exported = skl2onnx.to_onnx(model, rows[:1].to_numpy(np.float32), options={"zipmap": False})
    folder = save("onnx", exported, tmp_path / "saved", onnx_session_options=options)
    result = predict(load(folder, "binary"), rows)
    np.testing.assert_allclose(result.values, model.predict_proba(rows), atol=1e-5)


def test_pytorch_classes(tmp_path: Path, rows: pd.DataFrame) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Softmax(dim=1))
    folder = save("pytorch", model, tmp_path / "saved", serialization_format="pickle")
    result = predict(load(folder, "multiclass", class_labels=LABELS), rows)
    assert result.columns == LABELS
    np.testing.assert_array_equal(result.values, by_mlflow(folder, rows))


def test_statsmodels_gives_the_positive_class(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]
) -> None:
    pytest.importorskip("statsmodels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import statsmodels.formula.api as smf

        noisy = (target + np.random.default_rng(1).normal(size=len(rows)) * 4 > 0).astype(int)
        model = smf.logit("y ~ a + b + c", rows.assign(y=noisy)).fit(disp=0)
    folder = save("statsmodels", model, tmp_path / "saved")
    result = predict(load(folder, "binary"), rows)
    np.testing.assert_array_equal(result.values[:, 1:], by_mlflow(folder, rows))


def test_hooks_get_the_frameworks_own_object(tmp_path: Path, rows: pd.DataFrame) -> None:
    model = LinearRegression().fit(rows, rows["a"])
    folder = save("sklearn", model, tmp_path / "saved", signature=signature(rows, rows["a"]))
    (folder / "custom.py").write_text(
        "import pandas as pd\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'Predictions': [type(model).__name__] * len(data)})\n"
    )
    assert predict(load(folder, "regression"), rows[:1]).values.tolist() == [["LinearRegression"]]
