"""Models that stand in for real ones, one of which waits until a test lets it go."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import (
    ModelInfo,
    Predictions,
    RowSource,
    UnstructuredReply,
)
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.service import PredictionService

REQUEST = PredictRequest(b"a\n1\n2\n", "text/csv", request_id="one")


class OnlyPredicts:
    """The rest of a predictor's face, for models that are asked for nothing else."""

    def read_input(self, data: bytes | memoryview) -> Any:
        raise NotImplementedError

    def transform(self, frame: Any, target: Any, source: RowSource) -> Any:
        raise NotImplementedError

    def predict_unstructured(self, data: str | bytes, **kwargs: Any) -> UnstructuredReply:
        raise NotImplementedError

    def chat(self, params: dict[str, Any], headers: Mapping[str, str]) -> Any:
        raise NotImplementedError

    def supported_llm_models(self) -> Sequence[Any] | None:
        return None


class GatedModel(OnlyPredicts):
    """Says that it runs, then waits for ``gate``; fails when ``error`` is set."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = threading.Semaphore(0)
        self.error: Exception | None = None
        self.array_columns = None
        self.info = ModelInfo("/opt/model", TargetType.REGRESSION, RunLanguage.PYTHON)

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        self.running.release()
        assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        return Predictions(np.zeros((len(frame), 1)), ("Predictions",))

    def close(self) -> None:
        self.gate.set()


def gated_service(**settings: Any) -> tuple[PredictionService, GatedModel]:
    """A service and the model behind it, whose gate is closed."""
    model = GatedModel()
    return PredictionService(model, ServiceSettings(**settings)), model
