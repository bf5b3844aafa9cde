"""The pages that tell about the server; none of them touches the model."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from datarobot_drum import __version__
from datarobot_drum.drum.enum import ServerType, TargetType
from datarobot_drum.drum.exceptions import NotReadyError, RequestError
from datarobot_drum.drum.masking import shown_metadata
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.figures.metrics import (
    CONTENT_TYPE,
    Metrics,
    memory_gauges,
    model_gauges,
)
from datarobot_drum.drum.prediction.figures.stats import TimingWindow
from datarobot_drum.drum.prediction.figures.usage import UsageWatch
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.small_json import small_json
from datarobot_drum.drum.prediction.payload.structured import payload_formats

Page: TypeAlias = Callable[[], PredictResponse]

OK: Final = PredictResponse(HTTPStatus.OK, small_json({"message": "OK"}))
DRAINING: Final = "The server is shutting down."
NO_THREAD: Final = "The system has no thread for the model."
NOT_PROXIED: Final = "This endpoint is only supported by OpenAI based predictors"


def import_libraries() -> None:
    """What the first look at the figures would import, and every file of it wait for a hook that
    computes.
    """
    for name in ("psutil", "prometheus_client.core", "prometheus_client.multiprocess"):
        importlib.import_module(name)


def status_pages(
    info: ModelInfo,
    server_type: ServerType,
    metrics: Metrics,
    timing: TimingWindow,
    capacity: Mapping[str, int],
    is_draining: Callable[[], bool],
    can_work: Callable[[], bool],
) -> Mapping[Operation, Page]:
    """A page for each operation that is answered on the spot.

    Args:
        timing: read, and so reset, by the statistics.
        capacity: the limits of each process, as the statistics show them.
        can_work: false while this process is unable to answer any prediction.
    """

    watch = UsageWatch()

    def readyz() -> PredictResponse:
        return error_response(NotReadyError(DRAINING)) if is_draining() else OK

    def livez() -> PredictResponse:
        return OK if can_work() else error_response(NotReadyError(NO_THREAD))

    def stats() -> PredictResponse:
        usage = watch.look()
        return _json(
            {
                "drum_info": usage.processes,
                "executor_info": {**metrics.executor_figures(), **capacity},
                "mem_info": usage.memory,
                "time_info": {"run_predictor_total": timing.take()},
            }
        )

    def prometheus() -> PredictResponse:
        gauges = model_gauges(info, server_type) | memory_gauges(watch.look())
        return PredictResponse(HTTPStatus.OK, metrics.text(gauges), CONTENT_TYPE)

    return {
        Operation.PING: lambda: OK,
        Operation.HEALTH: lambda: OK,
        Operation.LIVEZ: livez,
        Operation.READYZ: readyz,
        Operation.INFO: lambda: _json(describe(info, server_type)),
        Operation.CAPABILITIES: lambda: _json(capabilities(info)),
        Operation.STATS: stats,
        Operation.METRICS: prometheus,
        Operation.DIRECT_ACCESS: lambda: error_response(RequestError(NOT_PROXIED)),
    }


def capabilities(info: ModelInfo) -> dict[str, Any]:
    """The content of ``/capabilities/``."""
    return {
        "supported_methods": {"chat": info.supports_chat},
        "supported_payload_formats": payload_formats(),
    }


def describe(info: ModelInfo, server_type: ServerType) -> dict[str, Any]:
    """The content of ``/info/``."""
    content: dict[str, Any] = {
        "codeDir": info.code_dir,
        "drumServer": server_type.value,
        "drumVersion": __version__,
        "language": info.language.value,
        "modelMetadata": shown_metadata(info.metadata),
        "predictor": info.framework,
        "targetType": info.target_type.value,
    }
    if info.labels is not None and info.target_type is TargetType.BINARY:
        content["positiveClassLabel"] = info.labels.positive
        content["negativeClassLabel"] = info.labels.negative
    if info.labels is not None and info.target_type is TargetType.MULTICLASS:
        content["classLabels"] = list(info.labels.names)
    return content


def _json(content: Mapping[str, Any]) -> PredictResponse:
    return PredictResponse(HTTPStatus.OK, small_json(content))
