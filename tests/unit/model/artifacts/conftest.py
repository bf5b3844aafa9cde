"""Data that comes with scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_iris(return_X_y=True, as_frame=True)
    rows.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    return rows, target.to_numpy()


@pytest.fixture(scope="module")
def cancer() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = rows.iloc[:, :5]
    rows.columns = list("abcde")
    return rows, target.to_numpy()


@pytest.fixture(scope="module")
def diabetes() -> tuple[pd.DataFrame, np.ndarray]:
    rows, target = load_diabetes(return_X_y=True, as_frame=True)
    return rows, target.to_numpy()
