"""The parameters of what stands behind every server: the service, the model, log and telemetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.knobs.kinds import Choice, Flag, Number, OrOff, Text, Whole
from datarobot_drum.drum.knobs.knob import knob

MAX_DECODED: Final = "DRUM_MAX_DECODED_SIZE"
# CSV of one-digit numbers, which all have to pass, becomes four times its bytes; text, and the
# formats that know smaller numbers, become more.
MAX_DECODED_FACTOR: Final = 16


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How requests are answered, whichever server takes them. Times in seconds; None: no limit.

    Attributes:
        batching: None: where the model is known to give the same answers.
        short_call: the longest prediction that may be made on an event loop; 0.0: none.
    """

    server_type: ServerType = ServerType.FLASK
    show_perf: bool = False
    request_timeout: int | None = knob(
        "DRUM_CLIENT_REQUEST_TIMEOUT",
        OrOff(Whole(0, 3600)),
        600,
        "Seconds a prediction may take before the client gets a 504; 0 turns the limit off.",
    )
    executor_workers: int | None = knob(
        "DRUM_EXECUTOR_WORKERS",
        Whole(1, 256),
        None,
        "Threads that run model code in one process. Unset: 1, for chat 4.",
        aliases=("DRUM_FASTAPI_EXECUTOR_WORKERS",),
    )
    queue_depth: int = knob(
        "DRUM_EXECUTOR_QUEUE_DEPTH",
        Whole(1, 10000),
        128,
        "Requests that may wait for the model in one process; above it a 503 is sent at once.",
        aliases=("DRUM_FASTAPI_EXECUTOR_QUEUE_DEPTH",),
    )
    queue_timeout: float | None = knob(
        "DRUM_EXECUTOR_QUEUE_TIMEOUT",
        OrOff(Number(0, 3600)),
        60,
        "Seconds a request may wait for the model before it gets a 503; 0 turns the limit off.",
        aliases=("DRUM_FASTAPI_EXECUTOR_QUEUE_TIMEOUT",),
    )
    batching: bool | None = knob(
        "DRUM_BATCHING",
        Choice({"auto": None, "on": True, "off": False}),
        None,
        "Predict requests that wait together in one call of the model. `auto`: where the answers"
        " are known to be the same to the last digit; `on`: also where hooks see the merged rows"
        " or last digits may differ.",
    )
    batch_requests: int = knob(
        "DRUM_BATCH_MAX_REQUESTS", Whole(1, 10000), 64, "Most requests in one call of the model."
    )
    batch_rows: int = knob(
        "DRUM_BATCH_MAX_ROWS",
        Whole(1, 10**9),
        10_000,
        "Most rows in one merged call; a larger request goes alone.",
    )
    short_call: float = knob(
        "DRUM_FASTAPI_SHORT_CALL",
        Number(0, 0.1),
        0.001,
        "Seconds: a prediction that runs no code of the user's and that is expected to take no"
        " longer, as calls with as much input did, needs no thread of its own; 0: it always does.",
        servers=("fastapi",),
    )
    csv_threads: int | None = knob(
        "DRUM_CSV_THREADS",
        Whole(1, 64),
        None,
        "Threads that may read one large CSV body in parts, where the parts together are what"
        " `pandas.read_csv` makes of the whole. Unset: the processors that each worker has for"
        " itself.",
    )
    max_decoded: int = knob(
        MAX_DECODED,
        Whole(1, 2**50),
        128 * 1024 * 1024,
        "Bytes that the rows of a request may take once they are read (413 above it), whatever the"
        f" format; {MAX_DECODED_FACTOR} times the body's bytes where that is more. A number counts"
        " 8, a text 32 and its length, a column 1024.",
    )
    llm_id: str | None = knob(
        "LLM_ID",
        Text(),
        None,
        "The model that `/models` lists where the folder has no hook for it.",
        empty_is_unset=True,
    )

    @property
    def model_workers(self) -> int:
        return self.executor_workers or 1

    @property
    def chat_workers(self) -> int:
        return self.executor_workers or 4


@dataclass(frozen=True, slots=True)
class ArtifactSettings:
    """How a model's files are found and loaded."""

    files_outside: bool = knob(
        "DRUM_FILES_OUTSIDE_FOLDER",
        Flag(),
        False,
        "Let the files that a model names lie outside of its folder: the `localPath` of lazy"
        " loading, which then counts from the working directory, `classLabelsFile`, which is then"
        " looked for there too, and what `MLmodel` names.",
    )

    mlflow_trusted_types: bool = knob(
        "DRUM_MLFLOW_TRUSTED_TYPES",
        Flag(),
        True,
        "Load the types that an `MLmodel` file trusts itself (`skops_trusted_types`), as MLflow"
        " does; the log names them. False: only those that skops knows to be harmless.",
    )


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Whether OpenTelemetry exports. None: as the variable of the same name says."""

    sdk_disabled: bool | None = knob(
        "OTEL_SDK_DISABLED",
        Flag(),
        None,
        "Export nothing, whatever `OTEL_EXPORTER_OTLP_ENDPOINT` says. Unset: as the variable"
        " `OTEL_SDK_DISABLED` says.",
        empty_is_unset=True,
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the log looks like."""

    as_json: bool = knob(
        "DRUM_JSON_LOGGING", Flag(), False, "Write every line of the log as a JSON object."
    )
