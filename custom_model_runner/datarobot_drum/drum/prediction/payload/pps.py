"""Predictions in the form of a prediction server, chosen by ``--deployment-config``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.json_text import dump_ascii
from datarobot_drum.drum.prediction.payload.predictions_response import (
    TEXT_TYPES,
    as_floats,
    json_columns,
)

if TYPE_CHECKING:
    import numpy as np

ANOMALY_LABEL = "Anomaly Score"


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """What a deployment says about its target.

    Attributes:
        target_name: the label of a single-column prediction.
        labels: in the order of their indices; binary: negative, positive.
        threshold: above it a label is predicted (binary, multilabel).
    """

    target_name: str | None
    labels: tuple[Any, ...]
    threshold: float


def load_deployment_config(path: str, target_type: TargetType) -> DeploymentConfig:
    """Read a deployment's JSON file.

    Raises:
        StartupError: no JSON, or what this target type needs is not in it.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"Failed to parse deployment config json file '{path}'") from error
    target = content.get("target") if isinstance(content, dict) else None
    if not isinstance(target, dict):
        raise StartupError(f"'target' section not found in deployment config json file {path}")
    try:
        return _config(target, target_type)
    except (LookupError, TypeError, ValueError) as error:
        raise StartupError(
            f"The 'target' section of deployment config json file {path} should have"
            " 'class_mapping', a list of [label, index] or null, and for classification"
            " 'prediction_threshold', a number"
        ) from error


def _config(target: Mapping[str, Any], target_type: TargetType) -> DeploymentConfig:
    mapping = sorted(target["class_mapping"] or (), key=lambda pair: pair[1])
    threshold = target.get("prediction_threshold")
    if target_type.is_classification() and len(mapping) < 2:
        raise ValueError("class_mapping")
    if threshold is None and target_type in (TargetType.BINARY, TargetType.MULTILABEL):
        raise ValueError("prediction_threshold")
    labels = tuple(label for label, _index in mapping)
    return DeploymentConfig(target.get("name"), labels, float(threshold or 0.0))


def pps_json(predictions: Predictions, target_type: TargetType, config: DeploymentConfig) -> bytes:
    """Encode as ``{"data": […]}``, one record per row.

    Raises:
        ModelError: a target type that has no such form, labels that are not the model's, or a
            value that has no JSON form.
    """
    if target_type.is_classification():
        records = _classification(predictions, target_type, config)
    elif target_type.is_single_column():
        label = ANOMALY_LABEL if target_type is TargetType.ANOMALY else config.target_name
        records = _single_column(predictions, target_type, label)
    else:
        raise ModelError(f"target type '{target_type.value}' is not supported")
    for row_id, record in enumerate(records):
        record["rowId"] = row_id
    _add_extra(records, predictions)
    try:
        return _dumped(records)
    except (TypeError, ValueError):
        # Arrays, dates, or no number inside of a list: as they look in the ordinary form.
        return _dumped(orjson.loads(dump_ascii(records)))


def _dumped(records: Any) -> bytes:
    return json.dumps({"data": records}, allow_nan=False).encode()


def _single_column(
    predictions: Predictions, target_type: TargetType, label: str | None
) -> list[dict[str, Any]]:
    column = predictions.values[:, 0]
    values = column if target_type in TEXT_TYPES else as_floats(column)
    return [
        {"prediction": value, "predictionValues": [{"label": label, "value": value}]}
        for value in map(_finite, values.tolist())
    ]


def _classification(
    predictions: Predictions, target_type: TargetType, config: DeploymentConfig
) -> list[dict[str, Any]]:
    values = as_floats(predictions.values)
    if target_type is TargetType.BINARY:
        return _binary(_column(predictions, values, config.labels[1]).tolist(), config)
    rows = zip(
        *(_column(predictions, values, name).tolist() for name in config.labels), strict=True
    )
    if target_type is TargetType.MULTICLASS:
        return [
            {
                "prediction": config.labels[row.index(max(row))],
                "predictionValues": _label_values(config.labels, row),
            }
            for row in rows
        ]
    return [
        {
            "prediction": [
                label
                for label, value in zip(config.labels, row, strict=True)
                if value > config.threshold
            ],
            "predictionValues": _label_values(config.labels, row),
            "predictionThreshold": config.threshold,
        }
        for row in rows
    ]


def _binary(positives: list[float], config: DeploymentConfig) -> list[dict[str, Any]]:
    negative_label, positive_label = config.labels[:2]
    return [
        {
            "prediction": positive_label if value > config.threshold else negative_label,
            "predictionValues": _label_values((positive_label, negative_label), (value, 1 - value)),
            "predictionThreshold": config.threshold,
        }
        for value in positives
    ]


def _label_values(labels: tuple[Any, ...], row: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        {"label": label, "value": _finite(value)} for label, value in zip(labels, row, strict=True)
    ]


def _column(
    predictions: Predictions, values: np.ndarray[Any, Any], label: Any
) -> np.ndarray[Any, Any]:
    try:
        return values[:, predictions.columns.index(str(label))]
    except ValueError as error:
        raise ModelError(
            f"The deployment config names the class '{label}', but the model predicts"
            f" {list(predictions.columns)}"
        ) from error


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _add_extra(records: list[dict[str, Any]], predictions: Predictions) -> None:
    extra = predictions.extra
    if extra is None or not extra.shape[1]:
        return
    names = [str(name) for name in extra.columns]
    for record, row in zip(records, zip(*json_columns(extra), strict=True), strict=True):
        record["extraModelOutput"] = dict(zip(names, map(_finite, row), strict=True))
