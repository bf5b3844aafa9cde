"""What ``/metrics`` shows: one table of metrics, and the places where they are counted, a
stop-watch around the model among them.

Counting goes to ``shared_counters``; prometheus-client is loaded when somebody first asks, and
adds the metrics that user code defines with it.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from datarobot_drum import __version__
from datarobot_drum.drum import telemetry
from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.model.predictor import (
    ModelInfo,
    Predictions,
    Predictor,
    RowSource,
    UnstructuredReply,
)
from datarobot_drum.drum.prediction.figures.peers import STRIDE
from datarobot_drum.drum.prediction.figures.shared_counters import SharedCounters
from datarobot_drum.drum.prediction.figures.shared_directory import DIRECTORY_VARIABLE
from datarobot_drum.drum.prediction.figures.usage import MEGABYTE, Usage

if TYPE_CHECKING:
    import pandas as pd
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from datarobot_drum.drum.prediction.figures.users_metrics import UsersMetrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OTHER: Final = "other"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STATUSES: Final = frozenset({513, *(int(status) for status in HTTPStatus)})


class RejectReason(str, Enum):
    """Why a request was not answered by the model."""

    QUEUE_FULL = "queue_full"
    QUEUE_TIMEOUT = "queue_timeout"
    REQUEST_TIMEOUT = "request_timeout"
    CLIENT_GONE = "client_gone"
    BODY_BUDGET = "body_budget"


class Family(NamedTuple):
    """One metric: ``kind`` is ``counter``, ``gauge`` or ``histogram`` (of seconds, in buckets up
    to each of the ``bounds``).
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """A histogram's numbers in their order: its buckets, one without a bound, the sum."""
        return (*(str(bound) for bound in self.bounds), "+Inf", "sum")


REQUESTS: Final = Family(
    "drum_requests_total", "counter", "Answered requests.", ("method", "endpoint", "status")
)
REQUEST_SECONDS: Final = Family(
    "drum_request_duration_seconds",
    "histogram",
    "Time from the request's headers to the end of the answer.",
    ("endpoint",),
    telemetry.REQUEST_BOUNDS,
)
MODEL_SECONDS: Final = Family(
    "drum_model_duration_seconds",
    "histogram",
    "The model's own time, one observation per call.",
    bounds=telemetry.MODEL_BOUNDS,
)
ROWS: Final = Family("drum_rows_total", "counter", "Rows that the model has predicted.")
REJECTED: Final = Family(
    "drum_rejected_requests_total",
    "counter",
    "Requests that the model did not answer: no room, or too late.",
    ("reason",),
)
IN_PROGRESS: Final = Family(
    "drum_predictions_in_progress", "gauge", "Requests that wait for the model or are in it."
)
WAITING: Final = Family("drum_executor_queue_depth", "gauge", "Requests that wait for the model.")
BUSY: Final = Family("drum_executor_workers_busy", "gauge", "Threads that run model code now.")
DESERTED: Final = Family(
    "drum_executor_calls_deserted",
    "gauge",
    "Calls of the model that still run, though their clients have left or got a 504.",
)
BODIES: Final = Family(
    "drum_body_bytes", "gauge", "Bytes of large request bodies in memory, half-sent ones included."
)
FAMILIES: Final = (
    *(REQUESTS, REQUEST_SECONDS, MODEL_SECONDS, ROWS, REJECTED),
    *(IN_PROGRESS, WAITING, BUSY, DESERTED, BODIES),
)
# Where a histogram's sum is: behind all of its buckets.
_REQUEST_SUM: Final = REQUEST_SECONDS.parts.index("sum") * STRIDE
_MODEL_SUM: Final = MODEL_SECONDS.parts.index("sum") * STRIDE
MEMORY: Final = Family("drum_memory_bytes", "gauge", "Memory in bytes, by type.", ("type",))
_TYPES: Final = {"avail": "available", "drum_pss": "pss", "drum_rss": "rss"}
MODEL_INFO: Final = Family(
    "drum_model_info",
    "gauge",
    "Always 1; the labels tell which model this is and who serves it.",
    ("model", "target_type", "language", "framework", "server", "version"),
)

Labels: TypeAlias = tuple[str, ...]
Gauges: TypeAlias = Mapping[Family, Mapping[Labels, float]]


class Metrics:
    """The figures of one service; with a shared directory those of all worker processes."""

    def __init__(self) -> None:
        levels = frozenset(family.name for family in FAMILIES if family.kind == "gauge")
        self._counters = SharedCounters(os.environ.get(DIRECTORY_VARIABLE) or None, levels)
        self._requests: dict[tuple[str, str, int], int] = {}
        self._histograms: dict[Labels, int] = {}
        self._model = self._histogram(MODEL_SECONDS, ())
        self._rows = self._counters.slot(ROWS.name)
        self._rejected = {
            reason: self._counters.slot(f"{REJECTED.name}\t{reason.value}")
            for reason in RejectReason
        }
        self._deserted = self._counters.slot(DESERTED.name)
        self._bodies = self._counters.slot(BODIES.name)
        self._users: UsersMetrics | None = None
        self._levels = [self._counters.slot(family.name) for family in (IN_PROGRESS, WAITING, BUSY)]

    def _histogram(self, family: Family, labels: Labels) -> int:
        start = "\t".join((family.name, *labels))
        return self._counters.slots([f"{start}\t{part}" for part in family.parts])

    # -- counting

    def request(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer. ``endpoint`` is a route's path, or ``OTHER``."""
        slot = self._requests.get((method, endpoint, status))
        if slot is None:
            slot = self._new_request(method, endpoint, status)
        first = self._histograms[(endpoint,)]
        bucket = first + bisect_left(telemetry.REQUEST_BOUNDS, seconds) * STRIDE
        self._counters.add((slot, 1.0), (bucket, 1.0), (first + _REQUEST_SUM, seconds))
        if telemetry.State.instruments is not None:
            shown = method if method in _METHODS else OTHER
            telemetry.State.instruments.request(shown, endpoint, status, seconds)

    def _new_request(self, method: str, endpoint: str, status: int) -> int:
        if (endpoint,) not in self._histograms:
            self._histograms[(endpoint,)] = self._histogram(REQUEST_SECONDS, (endpoint,))
        # Clients choose the method, and hooks the status: labels must stay few.
        shown_method = method if method in _METHODS else OTHER
        # An HTTPStatus is shown by its name in Python 3.10.
        shown_status = str(int(status)) if status in _STATUSES else f"{status // 100 % 10}xx"
        slot = self._counters.slot(f"{REQUESTS.name}\t{shown_method}\t{endpoint}\t{shown_status}")
        if shown_method == method:
            self._requests[method, endpoint, status] = slot
        return slot

    def model_call(self, seconds: float, rows: int) -> None:
        """Count one call of the model."""
        bucket = self._model + bisect_left(telemetry.MODEL_BOUNDS, seconds) * STRIDE
        self._counters.add((bucket, 1.0), (self._model + _MODEL_SUM, seconds), (self._rows, rows))
        if telemetry.State.instruments is not None:
            telemetry.State.instruments.model_call(seconds, rows)

    def rejected(self, reason: RejectReason) -> None:
        self._counters.add((self._rejected[reason], 1.0))
        if telemetry.State.instruments is not None:
            telemetry.State.instruments.rejected(reason.value)

    def levels(self, inside: int, waiting: int, busy: int) -> None:
        """Change the levels of a lane by so many requests or threads."""
        in_progress, queue, threads = self._levels
        self._counters.add((in_progress, inside), (queue, waiting), (threads, busy))

    def deserted(self, change: int) -> None:
        """Nobody waits any more for so many calls more that run."""
        self._counters.add((self._deserted, change))

    def body_bytes(self, change: int) -> None:
        """The large bodies in memory have become so many bytes more."""
        self._counters.add((self._bodies, change))

    def close(self) -> None:
        self._counters.close()

    # -- showing

    def executor_figures(self) -> dict[str, int]:
        """What ``/stats/`` shows, over all workers."""
        totals = self._counters.totals()
        figures = {
            "in_progress": totals[IN_PROGRESS.name],
            "queue_depth": totals[WAITING.name],
            "workers_busy": totals[BUSY.name],
            "calls_deserted": totals[DESERTED.name],
            "body_bytes": totals[BODIES.name],
        }
        for reason in RejectReason:
            figures[reason.value] = totals[f"{REJECTED.name}\t{reason.value}"]
        return {name: int(number) for name, number in figures.items()}

    def text(self, gauges: Gauges) -> bytes:
        """All metrics in Prometheus' text format.

        Args:
            gauges: values that are looked up now instead of counted.
        """
        from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

        totals = self._counters.totals()
        own = CollectorRegistry(auto_describe=False)
        own.register(_Collector(totals, gauges))
        registries = [own, self._of_all_workers() if self._is_shared else REGISTRY]
        return b"".join(generate_latest(registry) for registry in registries)

    @property
    def _is_shared(self) -> bool:
        # One that is gone, or that nobody has made, is shared with nobody.
        return os.path.isdir(os.environ.get(DIRECTORY_VARIABLE) or "")

    def _of_all_workers(self) -> CollectorRegistry:
        from datarobot_drum.drum.prediction.figures.users_metrics import UsersMetrics

        if self._users is None:
            self._users = UsersMetrics(os.environ[DIRECTORY_VARIABLE])
        while self._counters.gone:
            self._users.forget(self._counters.gone.pop())
        return self._users.registry()


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


class _Collector:
    """Sums over all processes, as prometheus-client wants them."""

    def __init__(self, totals: Mapping[str, float], gauges: Gauges) -> None:
        self._numbers: dict[str, dict[Labels, float]] = {}
        for key, number in totals.items():
            name, *labels = key.split("\t")
            self._numbers.setdefault(name, {})[tuple(labels)] = number
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield _metric(family, self._numbers.get(family.name, {}))
        for family, numbers in self._gauges.items():
            yield _metric(family, numbers)


def _metric(family: Family, numbers: Mapping[Labels, float]) -> Metric:
    from prometheus_client import core

    kinds: Mapping[str, Any] = {
        "counter": core.CounterMetricFamily,
        "gauge": core.GaugeMetricFamily,
        "histogram": core.HistogramMetricFamily,
    }
    metric: Any = kinds[family.kind](family.name, family.help, labels=family.labels)
    if family.kind == "histogram":
        for labels in dict.fromkeys(key[:-1] for key in numbers):
            buckets = _buckets(family, numbers, labels)
            metric.add_metric(labels, buckets, numbers.get((*labels, "sum"), 0.0))
    else:
        for labels, number in numbers.items():
            metric.add_metric(labels, number)
    found: Metric = metric
    return found


def _buckets(
    family: Family, numbers: Mapping[Labels, float], labels: Labels
) -> list[tuple[str, float]]:
    count = 0.0
    buckets = []
    for bound in family.parts[:-1]:
        # A process that is just about to begin names one after the other.
        count += numbers.get((*labels, bound), 0.0)
        buckets.append((bound, count))
    return buckets


def memory_gauges(usage: Usage) -> dict[Family, Mapping[Labels, float]]:
    """``drum_memory_bytes``: the figures of ``/stats/`` that are known, in bytes."""
    known = {name: size for name, size in usage.memory.items() if size is not None}
    return {MEMORY: {(_TYPES.get(name, name),): size * MEGABYTE for name, size in known.items()}}


def model_name(info: ModelInfo) -> str:
    """The name in the model's metadata, or that of its folder."""
    name = (info.metadata or {}).get("name")
    return str(name) if name else Path(info.code_dir).resolve().name


def model_gauges(info: ModelInfo, server_type: ServerType) -> dict[Family, Mapping[Labels, float]]:
    """``drum_model_info``: the model that is served."""
    labels = (
        model_name(info),
        info.target_type.value,
        info.language.value,
        info.framework or "",
        server_type.value,
        __version__,
    )
    return {MODEL_INFO: {labels: 1.0}}
