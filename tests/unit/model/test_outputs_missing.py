"""A missing number is NaN, whichever object a model or a hook put in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.predictions_csv import predictions_csv
from datarobot_drum.drum.prediction.payload.predictions_response import predictions_json
from tests.unit.folders import load, predict, write_folder


def score_hook(expression: str) -> str:
    return f"""
    def score(data, model, **kwargs):
        return pd.DataFrame({{"Predictions": {expression}}})
    """


@pytest.mark.parametrize(
    "values",
    [
        "[1.5, None, 3.0]",
        "np.array([1.5, None, 3.0], dtype=object)",
        "pd.Series([1.5, pd.NA, 3], dtype=object)",
        "pd.array([1.5, None, 3.0], dtype='Float64')",
        "pd.Series([1.5, pd.NaT, 3.0], dtype=object)",
        "[1.5, float('nan'), 3.0]",
    ],
)
def test_a_hooks_missing_numbers_are_the_same_everywhere(tmp_path: Path, values: str) -> None:
    result = predict(load(write_folder(tmp_path, score_hook(values)), "regression"))
    assert result.values.dtype == np.float64
    answer = json.loads(predictions_json(result, TargetType.REGRESSION))
    assert answer == {"predictions": [1.5, None, 3.0]}
    assert predictions_csv(result) == b'Predictions\n1.5\n""\n3.0\n'


def test_text_that_is_a_number_beside_a_missing_one(tmp_path: Path) -> None:
    result = predict(load(write_folder(tmp_path, score_hook("['1.5', None, '3']")), "regression"))
    answer = json.loads(predictions_json(result, TargetType.REGRESSION))
    assert answer == {"predictions": [1.5, None, 3.0]}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("[1 + 2j] * 3", "complex numbers"),
        ("pd.to_datetime(['2024-01-01'] * 3)", "dates"),
        ("pd.to_timedelta([1, 2, 3], unit='s')", "durations"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, values: str, kind: str) -> None:
    predictor = load(write_folder(tmp_path, score_hook(values)), "regression")
    with pytest.raises(ModelError, match=f"must be numbers, but received {kind}"):
        predict(predictor)


@pytest.mark.parametrize(
    ("masked", "expected"),
    [
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, np.nan]),
        (np.ma.array([1, 2], mask=[True, False]), [np.nan, 2.0]),
        (np.ma.array([1, 2]), [1, 2]),
    ],
)
def test_what_is_masked_is_missing(masked: Any, expected: list[float]) -> None:
    values = OutputRules(TargetType.REGRESSION).from_array(masked).values
    np.testing.assert_array_equal(values[:, 0], expected)


def test_a_missing_probability_does_not_add_up() -> None:
    labels = OutputRules(TargetType.REGRESSION)
    assert np.isnan(labels.from_array(np.array([[None]], dtype=object)).values).all()


def test_narrow_floats_in_extra_output_are_the_same_numbers_in_csv() -> None:
    extra = pd.DataFrame({"one": np.array([0.1], np.float32), "two": np.array([0.1], np.float16)})
    predictions = Predictions(np.array([[0.5]]), ("Predictions",), extra=extra)
    answer = json.loads(predictions_json(predictions, TargetType.REGRESSION))
    header, line = predictions_csv(predictions).decode().splitlines()
    assert header == "Predictions,one,two"
    assert [float(cell) for cell in line.split(",")[1:]] == answer["extraModelOutput"]["data"][0]
