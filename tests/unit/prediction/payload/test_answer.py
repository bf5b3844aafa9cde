"""Which format an answer has."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.answer import predictions_response

ARROW = "application/vnd.apache.arrow.stream"
PREDICTIONS = Predictions(np.array([[0.25], [0.5]]), ("Predictions",))


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("application/json;q=0.1, text/csv;q=0.5", "text/csv; charset=utf-8"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("Text/CSV; q=1.0", "text/csv; charset=utf-8"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=high", "application/json"),
        ("text/csv;q=nan", "application/json"),
        (f"{ARROW}, */*;q=0.1", ARROW),
        (",;,", "application/json"),
    ],
)
def test_content_type(accept: str, content_type: str) -> None:
    response = predictions_response(PREDICTIONS, TargetType.REGRESSION, accept)
    assert (response.status, response.content_type) == (200, content_type)


def test_bodies() -> None:
    def body(accept: str) -> object:
        return predictions_response(PREDICTIONS, TargetType.REGRESSION, accept).body

    assert body("") == b'{"predictions":[0.25,0.5]}'
    assert body("text/csv") == b"Predictions\n0.25\n0.5\n"
    assert pa.ipc.open_stream(body(ARROW)).read_all().to_pydict() == {"Predictions": [0.25, 0.5]}
