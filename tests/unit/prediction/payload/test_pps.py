"""Predictions in the form of a prediction server."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.pps import (
    DeploymentConfig,
    load_deployment_config,
    pps_json,
)
from datarobot_drum.drum.prediction.payload.predictions_response import predictions_json

ONE = ("Predictions",)
NO_CLASSES = DeploymentConfig("price", (), 0.0)


def _load(tmp_path: Path, target: Any, target_type: TargetType) -> DeploymentConfig:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps({"target": target}))
    return load_deployment_config(str(path), target_type)


def test_regression_is_spelled_as_json_dumps_spells() -> None:
    body = pps_json(Predictions(np.array([[1], [np.nan]]), ONE), TargetType.REGRESSION, NO_CLASSES)
    assert body == (
        b'{"data": [{"prediction": 1.0, "predictionValues": [{"label": "price", "value": 1.0}],'
        b' "rowId": 0}, {"prediction": null, "predictionValues": [{"label": "price", "value":'
        b' null}], "rowId": 1}]}'
    )


def test_anomaly() -> None:
    body = pps_json(Predictions(np.array([[0.5]]), ONE), TargetType.ANOMALY, NO_CLASSES)
    assert json.loads(body)["data"][0]["predictionValues"] == [
        {"label": "Anomaly Score", "value": 0.5}
    ]


def test_text() -> None:
    values = np.array([["é"]], dtype=object)
    body = pps_json(Predictions(values, ONE), TargetType.TEXT_GENERATION, NO_CLASSES)
    assert b'"prediction": "\\u00e9"' in body


def test_binary(tmp_path: Path) -> None:
    target = {"class_mapping": [["yes", 1], ["no", 0]], "prediction_threshold": 0.5, "name": "t"}
    config = _load(tmp_path, target, TargetType.BINARY)
    extra = pd.DataFrame({"z": ["q/", None], "n": [1.5, np.nan]}, index=[4, 5])
    values = np.array([[0.3, 0.7], [0.5, 0.5]])
    body = pps_json(Predictions(values, ("no", "yes"), extra), TargetType.BINARY, config)
    assert body.startswith(
        b'{"data": [{"prediction": "yes", "predictionValues": [{"label": "yes", "value": 0.7},'
        b' {"label": "no", "value": 0.30000000000000004}], "predictionThreshold": 0.5, "rowId": 0,'
        b' "extraModelOutput": {"z": "q/", "n": 1.5}}'
    )
    second = json.loads(body)["data"][1]
    assert second["prediction"] == "no"
    assert second["extraModelOutput"] == {"z": None, "n": None}


def test_extra_output_that_json_does_not_know() -> None:
    cells = [
        np.array([0.5, np.nan]),
        np.float32(0.5),
        [1, {"a": math.inf}],
        pd.NaT,
        date(1970, 1, 2),
    ]
    extra = pd.DataFrame({"z": pd.Series(cells, dtype=object)})
    values = np.ones((len(cells), 1))
    predictions = Predictions(values, ONE, extra)
    found = json.loads(pps_json(predictions, TargetType.REGRESSION, NO_CLASSES))["data"]
    inside = [record["extraModelOutput"]["z"] for record in found]
    assert inside == [[0.5, None], 0.5, [1, {"a": None}], None, 86_400_000]
    ordinary = json.loads(predictions_json(predictions, TargetType.REGRESSION))
    assert [[cell] for cell in inside] == ordinary["extraModelOutput"]["data"]


def test_multiclass_takes_the_first_of_equals(tmp_path: Path) -> None:
    target = {"class_mapping": [["c", 2], ["a", 0], ["b", 1]], "prediction_threshold": None}
    config = _load(tmp_path, target, TargetType.MULTICLASS)
    predictions = Predictions(np.array([[0.4, 0.2, 0.4]]), ("c", "b", "a"))
    assert json.loads(pps_json(predictions, TargetType.MULTICLASS, config))["data"] == [
        {
            "prediction": "a",
            "predictionValues": [
                {"label": "a", "value": 0.4},
                {"label": "b", "value": 0.2},
                {"label": "c", "value": 0.4},
            ],
            "rowId": 0,
        }
    ]


def test_multilabel(tmp_path: Path) -> None:
    target = {"class_mapping": [["a", 0], ["b", 1]], "prediction_threshold": 0.3}
    config = _load(tmp_path, target, TargetType.MULTILABEL)
    predictions = Predictions(np.array([[0.9, 0.3], [0.9, 0.8]]), ("a", "b"))
    first, second = json.loads(pps_json(predictions, TargetType.MULTILABEL, config))["data"]
    assert (first["prediction"], first["predictionThreshold"]) == (["a"], 0.3)
    assert second["prediction"] == ["a", "b"]


def test_refusals_of_the_model_output(tmp_path: Path) -> None:
    target = {"class_mapping": [["a", 0], ["b", 1]], "prediction_threshold": 0.3}
    config = _load(tmp_path, target, TargetType.BINARY)
    predictions = Predictions(np.array([[0.9, 0.1]]), ("a", "c"))
    with pytest.raises(ModelError, match="names the class 'b'"):
        pps_json(predictions, TargetType.BINARY, config)
    with pytest.raises(ModelError, match="^target type 'transform' is not supported$"):
        pps_json(predictions, TargetType.TRANSFORM, config)
    with pytest.raises(ModelError, match="no JSON form"):
        pps_json(
            Predictions(np.array([[object()]], dtype=object), ONE),
            TargetType.TEXT_GENERATION,
            config,
        )


@pytest.mark.parametrize("content", ["", "{", None])
def test_config_that_does_not_parse(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "d.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartupError) as caught:
        load_deployment_config(str(path), TargetType.REGRESSION)
    assert str(caught.value) == f"Failed to parse deployment config json file '{path}'"


@pytest.mark.parametrize("content", ["{}", "[]", '{"target": 1}'])
def test_config_without_target(tmp_path: Path, content: str) -> None:
    path = tmp_path / "d.json"
    path.write_text(content)
    with pytest.raises(StartupError) as caught:
        load_deployment_config(str(path), TargetType.REGRESSION)
    assert str(caught.value) == (
        f"'target' section not found in deployment config json file {path}"
    )


@pytest.mark.parametrize(
    ("target", "target_type"),
    [
        ({"name": "t"}, TargetType.REGRESSION),
        ({"class_mapping": None, "prediction_threshold": 0.5}, TargetType.BINARY),
        ({"class_mapping": [["a", 0], ["b", 1]]}, TargetType.BINARY),
        ({"class_mapping": ["a", "b"], "prediction_threshold": 0.5}, TargetType.MULTILABEL),
        ({"class_mapping": [["a", 0], ["b", 1]], "prediction_threshold": "x"}, TargetType.BINARY),
    ],
)
def test_config_that_lacks_something(
    tmp_path: Path, target: dict[str, Any], target_type: TargetType
) -> None:
    with pytest.raises(StartupError, match="should have 'class_mapping'"):
        _load(tmp_path, target, target_type)
