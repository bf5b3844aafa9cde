"""Predictions in the format that the client asks for."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.messages import JSON, PredictResponse
from datarobot_drum.drum.prediction.payload.arrow import ARROW_STREAM, predictions_arrow
from datarobot_drum.drum.prediction.payload.content_type import parse_header
from datarobot_drum.drum.prediction.payload.predictions_csv import predictions_csv
from datarobot_drum.drum.prediction.payload.predictions_json import predictions_json

CSV = "text/csv"
CSV_UTF8 = "text/csv; charset=utf-8"


def predictions_response(
    predictions: Predictions, target_type: TargetType, accept: str
) -> PredictResponse:
    """Encode predictions as JSON, or as CSV or Arrow where ``Accept`` prefers one of them.

    Raises:
        ModelError: values that the format cannot hold.
        PayloadError: Arrow without pyarrow.
    """
    wanted = JSON if accept in ("", "*/*") else _wanted(accept)
    if wanted == CSV:
        return PredictResponse(HTTPStatus.OK, predictions_csv(predictions), CSV_UTF8)
    if wanted == ARROW_STREAM:
        return PredictResponse(HTTPStatus.OK, predictions_arrow(predictions), ARROW_STREAM)
    return PredictResponse(HTTPStatus.OK, predictions_json(predictions, target_type))


@lru_cache(maxsize=64)
def _wanted(accept: str) -> str:
    """The best of our formats; JSON when none is named, since clients have always got it."""
    best, best_quality = JSON, 0.0
    for item in accept.split(","):
        mimetype, parameters = parse_header(item)
        named = mimetype.lower()
        quality = _quality(parameters.get("q", "1"))
        if named in (JSON, CSV, ARROW_STREAM) and quality > best_quality:
            best, best_quality = named, quality
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
