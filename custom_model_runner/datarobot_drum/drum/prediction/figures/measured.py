"""A model with a stop-watch: counts its calls, its rows and its own time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.model.predictor import (
    ModelInfo,
    Predictions,
    Predictor,
    RowSource,
    UnstructuredReply,
)
from datarobot_drum.drum.prediction.figures.metrics import Metrics

if TYPE_CHECKING:
    import pandas as pd


class MeasuredPredictor:
    """Wears the face of a model and passes every call on. Calls that fail count too."""

    def __init__(self, predictor: Predictor, metrics: Metrics) -> None:
        self._predictor = predictor
        self._metrics = metrics

    @property
    def info(self) -> ModelInfo:
        return self._predictor.info

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return self._predictor.array_columns

    def read_input(self, data: bytes | memoryview) -> Any:
        return self._predictor.read_input(data)

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        started, rows = time.perf_counter(), 0
        try:
            predictions = self._predictor.predict(frame, source)
            rows = len(predictions)
            return predictions
        finally:
            self._count(started, rows)

    def transform(self, frame: Any, target: Any, source: RowSource) -> pd.DataFrame:
        started, rows = time.perf_counter(), 0
        try:
            result = self._predictor.transform(frame, target, source)
            rows = len(result)
            return result
        finally:
            self._count(started, rows)

    def predict_unstructured(self, data: str | bytes, **kwargs: Any) -> UnstructuredReply:
        started = time.perf_counter()
        try:
            return self._predictor.predict_unstructured(data, **kwargs)
        finally:
            self._count(started, 0)

    def chat(self, params: dict[str, Any], headers: Mapping[str, str]) -> Any:
        started = time.perf_counter()
        try:
            return self._predictor.chat(params, headers)
        finally:
            self._count(started, 0)

    def supported_llm_models(self) -> Sequence[Any] | None:
        return self._predictor.supported_llm_models()

    def close(self) -> None:
        self._predictor.close()

    def _count(self, started: float, rows: int) -> None:
        self._metrics.model_call(time.perf_counter() - started, rows)
