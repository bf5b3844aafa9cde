"""The runtime parameters that configure the runner itself: one table.

``docs/settings.md`` is made from it. A value out of range is a ``SettingError`` that names
parameter, value and range; nothing falls back to a default in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.values import FALSE_WORDS, TRUE_WORDS

Kind: TypeAlias = Literal["int", "float", "bool", "choice", "text"]
Value: TypeAlias = Any

MAX_WORKERS: Final = 199


@dataclass(frozen=True, slots=True)
class Knob:
    """One runtime parameter that configures the runner itself.

    Attributes:
        default: used when the parameter is not set; None means "off" or "see help".
        minimum, maximum: inclusive bounds of a number.
        choices: the words a choice accepts, lower case.
        servers: the servers it has an effect on.
        twin: another parameter whose value applies while this one is unset.
        secret: its value is never shown.
    """

    name: str
    kind: Kind
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    servers: tuple[str, ...] = ("flask", "gunicorn", "fastapi")
    twin: str | None = None
    secret: bool = False

    @property
    def range_text(self) -> str:
        """The values it takes, as an error and the documentation say it."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "bool":
            return "true or false"
        if self.kind == "text":
            return "text"
        noun = "a whole number" if self.kind == "int" else "a number"
        return f"{noun} from {_plain(self.minimum)} to {_plain(self.maximum)}"

    def parse(self, raw: object) -> Value:
        """Turn a runtime parameter's value into the declared type.

        Raises:
            SettingError: the value is of another type or out of range.
        """
        value = self._convert(raw)
        if value is None:
            shown = "*****" if self.secret else repr(raw)
            raise SettingError(
                f"Invalid {self.name}: {shown}. Valid values are: {self.range_text}."
            )
        return value

    def _convert(self, raw: object) -> Value | None:
        text = str(raw).strip()
        if self.kind == "text":
            # The text of nothing, or of a credential's fields, would be a token to guess.
            return text or None if isinstance(raw, str | int | float) else None
        if self.kind == "choice":
            return text.lower() if text.lower() in self.choices else None
        if self.kind == "bool":
            word = text.lower()
            return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None
        try:
            number = float(text)
        except ValueError:
            return None
        if not (self.minimum or 0) <= number <= (self.maximum or 0):
            return None
        if self.kind == "float":
            return number
        return int(number) if number.is_integer() else None


def _plain(bound: float | None) -> str:
    """A bound in full: `g` would write 1e+06."""
    return f"{bound or 0:.15g}"


_GUNICORN: Final = ("gunicorn",)
_FASTAPI: Final = ("fastapi",)

KNOBS: Final[tuple[Knob, ...]] = (
    Knob(
        "DRUM_SERVER_TYPE",
        "choice",
        "flask",
        "The server that `drum server` starts; `uvicorn` is another name for `fastapi`.",
        choices=("fastapi", "flask", "gunicorn", "uvicorn"),
    ),
    Knob(
        "CUSTOM_MODEL_WORKERS",
        "int",
        None,
        "Worker processes; beats `--max-workers` and the variable `MAX_WORKERS`. Unset: 1.",
        1,
        MAX_WORKERS,
        servers=("gunicorn", "fastapi"),
    ),
    Knob(
        "DRUM_WEBSERVER_BACKLOG",
        "int",
        2048,
        "Connections that may wait to be accepted.",
        1,
        10000,
    ),
    Knob(
        "DRUM_CLIENT_REQUEST_TIMEOUT",
        "int",
        600,
        "Seconds a prediction may take before the client gets a 504; 0 turns the limit off.",
        0,
        3600,
    ),
    Knob(
        "DRUM_GUNICORN_WORKER_CLASS",
        "choice",
        "gthread",
        "Gunicorn worker class. With `sync`, status routes wait behind predictions.",
        choices=("gthread", "sync", "gevent"),
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_THREADS",
        "int",
        None,
        "Most threads of a `gthread` worker. Unset: one for each connection that it may hold, so"
        " that nobody waits for another's client; they are started when they are needed.",
        2,
        20000,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_WORKER_CONNECTIONS",
        "int",
        1000,
        "Connections that one gunicorn worker holds at a time.",
        1,
        10000,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_MAX_REQUESTS",
        "int",
        0,
        "Requests after which a worker is replaced; 0 means never.",
        0,
        10000,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_MAX_REQUESTS_JITTER",
        "int",
        0,
        "Largest random addition to `DRUM_GUNICORN_MAX_REQUESTS`.",
        0,
        10000,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_GRACEFUL_TIMEOUT",
        "int",
        299,
        "Seconds that running requests get to finish after SIGTERM.",
        1,
        3600,
        servers=("flask", "gunicorn"),
    ),
    Knob(
        "DRUM_GUNICORN_KEEP_ALIVE",
        "int",
        0,
        "Seconds an idle connection is kept open; 0 closes after each answer.",
        0,
        3600,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_FIRST_BYTE_TIMEOUT",
        "int",
        2,
        "Seconds after which a `gevent` worker drops a connection that sends nothing; 0: never.",
        0,
        3600,
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_GUNICORN_LOG_LEVEL",
        "choice",
        "info",
        "Level of gunicorn's own log.",
        choices=("debug", "info", "warning", "error", "critical"),
        servers=_GUNICORN,
    ),
    Knob(
        "DRUM_UVICORN_GRACEFUL_TIMEOUT",
        "int",
        299,
        "Seconds that running requests get to finish after SIGTERM.",
        1,
        3600,
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_GRACEFUL_TIMEOUT",
    ),
    Knob(
        "DRUM_UVICORN_KEEP_ALIVE",
        "int",
        5,
        "Seconds an idle connection is kept open; 0 closes after each answer.",
        0,
        3600,
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_KEEP_ALIVE",
    ),
    Knob(
        "DRUM_UVICORN_LOG_LEVEL",
        "choice",
        "info",
        "Level of uvicorn's own log.",
        choices=("debug", "info", "warning", "error", "critical"),
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_LOG_LEVEL",
    ),
    Knob(
        "DRUM_UVICORN_LOOP",
        "choice",
        "auto",
        "Event loop; `auto` takes uvloop where it is installed.",
        choices=("auto", "asyncio", "uvloop"),
        servers=_FASTAPI,
    ),
    Knob(
        "DRUM_UVICORN_MAX_REQUESTS",
        "int",
        0,
        "Requests after which a worker is replaced; 0 means never.",
        0,
        1_000_000,
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_MAX_REQUESTS",
    ),
    Knob(
        "DRUM_UVICORN_MAX_REQUESTS_JITTER",
        "int",
        0,
        "Largest random addition to `DRUM_UVICORN_MAX_REQUESTS`.",
        0,
        1_000_000,
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_MAX_REQUESTS_JITTER",
    ),
    Knob(
        "DRUM_UVICORN_LIMIT_CONCURRENCY",
        "int",
        None,
        "Requests with a body that one worker handles at a time; more get a 503 at once."
        " Unset: no limit but the executor's.",
        1,
        100_000,
        servers=_FASTAPI,
    ),
    Knob(
        "DRUM_UVICORN_HEADER_TIMEOUT",
        "int",
        20,
        "Seconds a client may take to send a request's headers, and in which more of its body"
        " must come, before the connection is closed; 0 turns the limit off. On gunicorn: of"
        " `gthread` workers.",
        0,
        3600,
        servers=("gunicorn", "fastapi"),
    ),
    Knob(
        "DRUM_PRELOAD_MODEL",
        "choice",
        "auto",
        "Load the model once and let the workers share its memory. `auto` does so for several"
        " workers and a model of a built-in framework without `custom.py`, CUDA or threads.",
        choices=("auto", "on", "off"),
        servers=("gunicorn", "fastapi"),
    ),
    Knob(
        "DRUM_SSL_CERTFILE",
        "text",
        None,
        "Certificate chain (PEM) of the server; with it the server speaks TLS 1.2 and up only.",
    ),
    Knob(
        "DRUM_SSL_KEYFILE",
        "text",
        None,
        "Private key (PEM). Unset: it stands in the file of `DRUM_SSL_CERTFILE`.",
    ),
    Knob("DRUM_SSL_KEYFILE_PASSWORD", "text", None, "Password of the private key.", secret=True),
    Knob(
        "DRUM_SSL_CA_CERTS",
        "text",
        None,
        "Certificates (PEM) of the authorities that client certificates are checked against.",
    ),
    Knob(
        "DRUM_SSL_CERT_REQS",
        "choice",
        "none",
        "Whether clients must show a certificate; 0, 1 and 2 stand for none, optional, required.",
        choices=("none", "optional", "required", "0", "1", "2"),
    ),
    Knob(
        "DRUM_FASTAPI_EXECUTOR_WORKERS",
        "int",
        None,
        "Threads that run model code in one process. Unset: 1, for chat 4.",
        1,
        256,
    ),
    Knob(
        "DRUM_FASTAPI_EXECUTOR_QUEUE_DEPTH",
        "int",
        128,
        "Requests that may wait for the model in one process; above it a 503 is sent at once.",
        1,
        10000,
    ),
    Knob(
        "DRUM_FASTAPI_EXECUTOR_QUEUE_TIMEOUT",
        "float",
        60,
        "Seconds a request may wait for the model before it gets a 503; 0 turns the limit off.",
        0,
        3600,
    ),
    Knob(
        "DRUM_MLFLOW_TRUSTED_TYPES",
        "bool",
        True,
        "Load the types that an `MLmodel` file trusts itself (`skops_trusted_types`), as MLflow"
        " does; the log names them. False: only those that skops knows to be harmless.",
    ),
    Knob(
        "DRUM_BATCHING",
        "choice",
        "auto",
        "Predict requests that wait together in one call of the model. `auto`: where the answers"
        " are known to be the same to the last digit; `on`: also where hooks see the merged rows"
        " or last digits may differ.",
        choices=("auto", "on", "off"),
    ),
    Knob(
        "DRUM_BATCH_MAX_REQUESTS",
        "int",
        64,
        "Most requests in one call of the model.",
        1,
        10000,
    ),
    Knob(
        "DRUM_BATCH_MAX_ROWS",
        "int",
        10000,
        "Most rows in one merged call; a larger request goes alone.",
        1,
        10**9,
    ),
    Knob(
        "DRUM_FASTAPI_SHORT_CALL",
        "float",
        0.001,
        "Seconds: a prediction of a built-in framework without hooks that is expected to take no"
        " longer, as calls with as much input did, needs no thread of its own; 0: it always does.",
        0,
        0.1,
        servers=_FASTAPI,
    ),
    Knob(
        "DRUM_CSV_THREADS",
        "int",
        None,
        "Threads that may read one large CSV body in parts, where the parts together are what"
        " `pandas.read_csv` makes of the whole. Unset: the processors that each worker has for"
        " itself.",
        1,
        64,
    ),
    Knob(
        "DRUM_FASTAPI_MAX_UPLOAD_SIZE",
        "int",
        100 * 1024 * 1024,
        "Largest request body in bytes (413 above it). Flask and gunicorn: only when set.",
        1,
        2**40,
    ),
    Knob(
        "DRUM_FASTAPI_ENABLE_DOCS",
        "bool",
        False,
        "Serve the OpenAPI description at `/openapi.json` and as a page at `/docs`.",
        servers=_FASTAPI,
    ),
    Knob(
        "DRUM_AUTH_TOKEN",
        "text",
        None,
        "Bearer token that every route but liveness and readiness then asks for.",
        secret=True,
    ),
    Knob(
        "DRUM_CORS_ENABLED",
        "bool",
        False,
        "Let pages of other origins call the server.",
    ),
    Knob(
        "DRUM_CORS_ORIGINS",
        "text",
        "*",
        "Those origins, with commas between them; `*` means any, without credentials.",
    ),
    Knob(
        "DRUM_JSON_LOGGING",
        "bool",
        False,
        "Write every line of the log as a JSON object.",
    ),
)

KNOB_BY_NAME: Final[Mapping[str, Knob]] = MappingProxyType({knob.name: knob for knob in KNOBS})


def knob_is_set(name: str) -> bool:
    return RuntimeParameters.has(name)


def check_knobs() -> None:
    """Raise ``SettingError`` if any that is set, whoever reads it, is out of range."""
    for name in filter(knob_is_set, KNOB_BY_NAME):
        knob(name)


def knob(name: str) -> Value:
    """The value of one runner parameter: its own, its twin's, or its default.

    Raises:
        SettingError: the value is out of range.
    """
    entry = KNOB_BY_NAME[name]
    for source in (name, entry.twin):
        if source is not None and RuntimeParameters.has(source):
            raw = RuntimeParameters.get(source)
            return entry.parse(raw) if source == name else KNOB_BY_NAME[source].parse(raw)
    return entry.default
