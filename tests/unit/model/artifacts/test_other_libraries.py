"""Estimators of scikit-learn's ecosystem: what they return, and what a client is answered."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from datarobot_drum.drum.model.predictor import RowSource
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.test_results import FRAME


class Foundation:
    """Like the models for tables that are no scikit-learn estimators, and behave like them."""

    def fit(self, rows: Any, target: Any) -> Foundation:
        self.classes_ = np.unique(target)
        self.inner = LogisticRegression().fit(rows, target)
        return self

    def predict(self, rows: Any) -> Any:
        return self.inner.predict(rows)

    def predict_proba(self, rows: Any) -> Any:
        return self.inner.predict_proba(rows)


def test_any_class_with_predict_proba_and_classes(tmp_path: Path) -> None:
    target = np.array(["high", "low", "mid"])[np.arange(60) % 3]
    model = Foundation().fit(FRAME, target)
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "multiclass", class_labels=("Low", "Mid", "High")), FRAME)
    assert result.columns == ("High", "Low", "Mid")
    np.testing.assert_array_equal(result.values, model.predict_proba(FRAME))


def test_a_pipeline_of_imbalanced_learn(tmp_path: Path) -> None:
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as with_sampling

    target = np.array(["no", "yes"])[(np.arange(60) % 5 == 0).astype(int)]
    model = with_sampling(StandardScaler(), RandomOverSampler(random_state=1), LogisticRegression())
    model.fit(FRAME, target)
    write_folder(tmp_path, model_pkl=model)
    predictor = load(tmp_path, "binary")
    for _ in range(5):
        result = predict(predictor, FRAME[list("dcba")])
        assert result.columns == ("no", "yes")
        np.testing.assert_array_equal(result.values, model.predict_proba(FRAME))
    counts = predictor.predict(FRAME, RowSource(row_counts=(20, 40)))
    np.testing.assert_allclose(counts.values, model.predict_proba(FRAME))


def test_a_sampler_behind_columns(tmp_path: Path) -> None:
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as with_sampling
    from sklearn.compose import make_column_transformer

    target = np.array(["no", "yes"])[(np.arange(60) % 5 == 0).astype(int)]
    columns = make_column_transformer((StandardScaler(), list("abcd")))
    model = with_sampling(columns, RandomOverSampler(random_state=1), LogisticRegression())
    model.fit(FRAME, target)
    predictor = load(write_folder(tmp_path, model_pkl=model), "binary")
    result = predict(predictor, FRAME[list("dcba")])
    np.testing.assert_array_equal(result.values, model.predict_proba(FRAME))


# The package asks pandas for options that newer ones do not need.
@pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")
def test_encoders_of_category_encoders(tmp_path: Path) -> None:
    pytest.importorskip("category_encoders")
    from category_encoders import OrdinalEncoder, TargetEncoder

    rows = pd.DataFrame({"code": ["07", "12", "A1"] * 20, "a": FRAME["a"]})
    for number, encoder in enumerate((OrdinalEncoder(), TargetEncoder())):
        model = make_pipeline(encoder, LinearRegression()).fit(rows, FRAME["b"])
        folder = write_folder(tmp_path / str(number), model_pkl=model)
        predictor = load(folder, "regression")
        for _ in range(5):
            result = predict(predictor, rows)
            np.testing.assert_array_equal(result.values[:, 0], model.predict(rows))


def test_a_network_of_skorch(tmp_path: Path) -> None:
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Softmax(dim=-1)),
        max_epochs=2,
        verbose=0,
        train_split=None,
    )
    cast = FunctionTransformer(np.asarray, kw_args={"dtype": np.float32})
    model = make_pipeline(StandardScaler(), cast, net)
    model.fit(FRAME, (np.arange(60) % 2).astype(np.int64))
    write_folder(tmp_path, model_pkl=model)
    result = predict(load(tmp_path, "binary"), FRAME)
    assert result.columns == ("no", "yes")
    np.testing.assert_array_equal(result.values, model.predict_proba(FRAME))


def test_the_packages_of_these_tests_are_installed() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("without the frameworks")
    names = ("imblearn", "category_encoders", "skorch")
    assert [name for name in names if importlib.util.find_spec(name) is None] == []
