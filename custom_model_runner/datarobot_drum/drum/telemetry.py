"""OpenTelemetry, exported by OTLP/HTTP. The only place that knows its SDK, which is loaded
when ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set and not otherwise: until then all is None here.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from datarobot_drum import __version__
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.predicting import TelemetrySettings
from datarobot_drum.drum.logs import get_drum_logger, message_of, request_id
from datarobot_drum.drum.masking import SECRETS, masked
from datarobot_drum.drum.utils.truth import truth

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Tracer

Attributes: TypeAlias = Mapping[str, str | int]
Result = TypeVar("Result")

logger = get_drum_logger("telemetry")

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
DISABLED: Final = "OTEL_SDK_DISABLED"
SCOPE: Final = "datarobot_drum"
# Seconds that the collector gets for what is pending at the end: less than the margin after
# which a supervisor kills its workers.
STOP_SECONDS: Final = 4.0
# Buckets of durations, in seconds; a model may be a sum of a few products.
REQUEST_BOUNDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
MODEL_BOUNDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, *REQUEST_BOUNDS)
MISSING: Final = (
    "%s is set, but OpenTelemetry is not installed: nothing is exported."
    " Install it with: pip install 'custom-model-runner[otel]'"
)
UNSENT: Final = "The collector did not take all in %g seconds: what is left is not exported."

_CLIENT_INSTRUMENTORS: Final = (
    ("opentelemetry.instrumentation.requests", "RequestsInstrumentor"),
    ("opentelemetry.instrumentation.aiohttp_client", "AioHttpClientInstrumentor"),
)


class Instruments:
    """What is counted and measured, under OpenTelemetry's kind of names."""

    def __init__(self, meter: Any) -> None:
        self._requests = meter.create_counter("drum.requests", "{request}")
        # The SDK's own buckets are made for milliseconds.
        self._request_seconds = meter.create_histogram(
            "drum.request.duration", "s", explicit_bucket_boundaries_advisory=REQUEST_BOUNDS
        )
        self._model_seconds = meter.create_histogram(
            "drum.model.duration", "s", explicit_bucket_boundaries_advisory=MODEL_BOUNDS
        )
        self._rows = meter.create_counter("drum.rows", "{row}")
        self._rejected = meter.create_counter("drum.rejected_requests", "{request}")

    def request(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        route = {"http.route": endpoint}
        labels = {"http.request.method": method, "http.response.status_code": status, **route}
        self._requests.add(1, labels)
        self._request_seconds.record(seconds, route)

    def model_call(self, seconds: float, rows: int) -> None:
        self._model_seconds.record(seconds)
        self._rows.add(rows)

    def rejected(self, reason: str) -> None:
        self._rejected.add(1, {"reason": reason})


class State:
    """What is on; None: telemetry is off."""

    tracer: Tracer | None = None
    instruments: Instruments | None = None
    providers: tuple[Any, ...] = ()


def is_wanted(settings: TelemetrySettings) -> bool:
    """Whether an endpoint is set and the SDK is not disabled.

    Raises:
        SettingError: the variable ``OTEL_SDK_DISABLED`` is neither true nor false.
    """
    if not os.environ.get(ENDPOINT_VARIABLE):
        return False
    if settings.sdk_disabled is not None:
        return not settings.sdk_disabled
    text = os.environ.get(DISABLED, "")
    disabled = truth(text.strip() or "no")
    if disabled is None:
        raise SettingError(f"Invalid {DISABLED}: {text!r}. Valid values are: true or false.")
    return not disabled


def start(settings: TelemetrySettings, at_once: bool, trace_clients: bool) -> None:
    """Load the SDK and export from now on, if that is wanted; safe to call again.

    Args:
        at_once: export each span and log line by itself, for servers of several workers.
        trace_clients: trace the calls that hooks make with requests and aiohttp.

    Raises:
        SettingError: the variable ``OTEL_SDK_DISABLED`` is neither true nor false.
    """
    if State.tracer is not None or not is_wanted(settings):
        return
    try:
        _start(at_once)
    except ImportError:
        logger.warning(MISSING, ENDPOINT_VARIABLE)
        return
    if trace_clients:
        _trace_clients()


def _started(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError as error:
        logger.warning("What is left is not exported: %s", error)
        return False
    return True


def stop() -> None:
    """Export what is left, and end: after ``STOP_SECONDS`` whatever the collector does."""
    State.tracer = State.instruments = None
    for handler in [h for h in logging.getLogger().handlers if isinstance(h, _ExportHandler)]:
        logging.getLogger().removeHandler(handler)
    # Each provider waits for its own exports, and would do so for half a minute.
    waits = [threading.Thread(target=each.shutdown, daemon=True) for each in State.providers]
    State.providers = ()
    waits = [wait for wait in waits if _started(wait)]
    deadline = time.monotonic() + STOP_SECONDS
    for wait in waits:
        wait.join(max(deadline - time.monotonic(), 0))
    if any(wait.is_alive() for wait in waits):
        logger.warning(UNSENT, STOP_SECONDS)
        _silence_exporters()


@contextlib.contextmanager
def stopped_at_the_end() -> Iterator[None]:
    """Call ``stop`` however the end comes: what a model that failed to load traced counts too."""
    try:
        yield
    finally:
        stop()


class Span:
    """A span that the caller's trace, in the W3C headers, is the parent of.

    Args:
        headers: keys are lower case.
    """

    def __init__(self, name: str, headers: Mapping[str, str], attributes: Attributes) -> None:
        from opentelemetry import propagate
        from opentelemetry.trace import SpanKind

        assert State.tracer is not None
        self._tracer = State.tracer
        context = propagate.extract(headers)
        self._span = self._tracer.start_span(
            name, context=context, kind=SpanKind.SERVER, attributes=attributes
        )

    def run(self, call: Callable[[], Result], child: str | None = None) -> Result:
        """Call with this span as the current one, or inside a child span of that name."""
        from opentelemetry.trace import use_span

        with use_span(self._span, record_exception=False, set_status_on_exception=False):
            if child is None:
                return call()
            with self._tracer.start_as_current_span(child):
                return call()

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def end(self, failed: bool) -> None:
        from opentelemetry.trace import Status, StatusCode

        if failed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _start(at_once: bool) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.resources import Resource

    name = os.environ.get("OTEL_SERVICE_NAME") or "drum"
    resource = Resource.create({"service.name": name, "service.version": __version__})
    resource = Resource(_masked_attributes(resource.attributes), resource.schema_url)
    traces, meters = _trace_provider(resource, at_once), _meter_provider(resource)
    records = _log_provider(resource, at_once)
    # Global too, so that what hooks trace and count goes along.
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(meters)
    logging.getLogger().addHandler(_ExportHandler(records.get_logger(SCOPE)))
    State.providers = (traces, meters, records)
    State.instruments = Instruments(meters.get_meter(SCOPE, __version__))
    State.tracer = traces.get_tracer(SCOPE, __version__)


def _silence_exporters() -> None:
    """A thread that the end of the process meets while it logs may keep stderr locked, which
    the interpreter does not survive.
    """
    exporters = logging.getLogger("opentelemetry")
    exporters.addHandler(logging.NullHandler())
    exporters.propagate = False


def _trace_provider(resource: Resource, at_once: bool) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider, export

    class Exporter(OTLPSpanExporter):
        # By the processor's thread: no request waits for it.
        def export(self, spans: Any) -> Any:
            return super().export([_without_secrets(span) for span in spans])

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        export.BatchSpanProcessor(Exporter(), max_export_batch_size=_batch_size(at_once))
    )
    return provider


def _without_secrets(span: Any) -> Any:
    """The span, or a copy: prompts, answers and errors of hooks may hold secrets."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Status

    if not SECRETS.version:
        return span
    status = span.status
    return ReadableSpan(
        name=masked(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked_attributes(span.attributes),
        events=[
            Event(masked(event.name), _masked_attributes(event.attributes), event.timestamp)
            for event in span.events
        ],
        links=span.links,
        kind=span.kind,
        status=Status(status.status_code, status.description and masked(status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    def shown(value: Any) -> Any:
        if isinstance(value, str):
            return masked(value)
        return [shown(item) for item in value] if isinstance(value, list | tuple) else value

    return {name: shown(value) for name, value in (attributes or {}).items()}


def _meter_provider(resource: Resource) -> Any:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk import metrics
    from opentelemetry.sdk.metrics import export

    delta = export.AggregationTemporality.DELTA
    kinds = (metrics.Counter, metrics.ObservableCounter, metrics.Histogram)
    exporter = OTLPMetricExporter(preferred_temporality=dict.fromkeys(kinds, delta))
    reader = export.PeriodicExportingMetricReader(exporter)
    return metrics.MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def _log_provider(resource: Resource, at_once: bool) -> Any:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk import _logs
    from opentelemetry.sdk._logs import export

    provider = _logs.LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(
        export.BatchLogRecordProcessor(
            OTLPLogExporter(), max_export_batch_size=_batch_size(at_once)
        )
    )
    return provider


def _batch_size(at_once: bool) -> int | None:
    """One: each is exported by itself, by the processor's thread. The SDK's simple processors
    do so on the request's own, which then waits for a collector that is slow or away.
    """
    return 1 if at_once else None


def _trace_clients() -> None:
    for module, name in _CLIENT_INSTRUMENTORS:
        with contextlib.suppress(ImportError):
            getattr(importlib.import_module(module), name)().instrument()


class _ExportHandler(logging.Handler):
    """Hands log lines on, as they are in the log: secrets masked, the request's id beside."""

    def __init__(self, exporter: Any) -> None:
        super().__init__()
        self._exporter = exporter

    def emit(self, record: logging.LogRecord) -> None:
        # What exporting itself logs would be exported again, without end.
        if record.name.startswith(("opentelemetry", "urllib3", "requests")):
            return
        try:
            self._exporter.emit(_exported(record))
        # As every handler of logging: a line that cannot be exported must not fail who wrote it.
        except Exception:
            self.handleError(record)


def _exported(record: logging.LogRecord) -> Any:
    from opentelemetry import _logs, context

    attributes = {"logger.name": record.name}
    if request_id.get():
        attributes["request_id"] = masked(request_id.get())
    if record.exc_info:
        attributes["exception.stacktrace"] = masked(
            logging.Formatter().formatException(record.exc_info)
        )
    return _logs.LogRecord(
        timestamp=int(record.created * 1e9),
        context=context.get_current(),
        severity_text=record.levelname,
        severity_number=_severity(record.levelno),
        body=message_of(record),
        attributes=attributes,
    )


def _severity(level: int) -> Any:
    from opentelemetry._logs import SeverityNumber

    steps = {50: SeverityNumber.FATAL, 40: SeverityNumber.ERROR, 30: SeverityNumber.WARN}
    steps |= {20: SeverityNumber.INFO, 0: SeverityNumber.DEBUG}
    return next(number for least, number in steps.items() if level >= least)
