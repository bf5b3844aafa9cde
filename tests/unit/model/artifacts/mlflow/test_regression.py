"""What a folder that MLflow saved predicts is what ``mlflow.pyfunc`` predicts from it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.folders import load, predict
from tests.unit.model.artifacts.mlflow.flavors import (
    REGRESSIONS,
    Save,
    lightgbm_sklearn,
    python_function,
    pytorch_exported,
    sklearn_pickle,
    sklearn_signed,
)
from tests.unit.model.artifacts.mlflow.saved import by_mlflow, save

pytest.importorskip("mlflow.pyfunc")


# MLflow's own way from a frame to a tensor.
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
@pytest.mark.parametrize("save_flavor", REGRESSIONS)
def test_regression_is_what_pyfunc_says_to_the_last_bit(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], save_flavor: Save
) -> None:
    folder = tmp_path / "saved"
    save_flavor(folder, rows, target)
    of_single = save_flavor in (sklearn_signed, pytorch_exported)
    given = rows.astype("float32") if of_single else rows
    result = predict(load(folder, "regression"), rows)
    expected = by_mlflow(folder, given)
    assert result.values.dtype == expected.dtype
    np.testing.assert_array_equal(result.values, expected)


@pytest.mark.parametrize("save_flavor", [sklearn_pickle, lightgbm_sklearn, python_function])
def test_rows_come_in_any_order_of_columns(
    tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float], save_flavor: Save
) -> None:
    folder = tmp_path / "saved"
    save_flavor(folder, rows, target)
    predictor = load(folder, "regression")
    np.testing.assert_array_equal(
        predict(predictor, rows[["c", "a", "b"]]).values, predict(predictor, rows).values
    )


def test_keras(tmp_path: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    if "keras" not in sys.modules:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        folder = save("keras", model, tmp_path / "saved")
        result = predict(load(folder, "regression"), rows)
    np.testing.assert_array_equal(result.values, by_mlflow(folder, rows))
