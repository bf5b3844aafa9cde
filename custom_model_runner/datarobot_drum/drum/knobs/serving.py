"""The parameters of the servers: processes, connections, TLS, who may call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.knobs.kinds import (
    Choice,
    Flag,
    Networks,
    Origins,
    OrOff,
    Text,
    Token,
    Whole,
    one_of,
)
from datarobot_drum.drum.knobs.knob import knob

MAX_WORKERS: Final = 199
SERVERS: Final = {
    "fastapi": ServerType.FASTAPI,
    "flask": ServerType.FLASK,
    "gunicorn": ServerType.GUNICORN,
    "uvicorn": ServerType.FASTAPI,
}

_GUNICORN_FASTAPI: Final = ("gunicorn", "fastapi")
_GUNICORN: Final = ("gunicorn",)
_FASTAPI: Final = ("fastapi",)


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """Which server runs. The entry point asks for it, before anything else is imported."""

    server_type: ServerType = knob(  # noqa: RUF009 (makes a field)
        "DRUM_SERVER_TYPE",
        Choice(SERVERS),
        ServerType.FLASK,
        "The server that `drum server` starts; `uvicorn` is another name for `fastapi`.",
    )
    unused_extension: str = knob(
        "DRUM_UNUSED_EXTENSION",
        one_of("refuse", "warn"),
        "refuse",
        "What happens when `DRUM_SERVER_TYPE` is set and the folder has an extension for other"
        " servers only (`custom_flask.py` on fastapi, `custom_fastapi.py` on flask or gunicorn):"
        " `refuse` to start, as it may be what asks for a login, or `warn` and serve without it.",
    )


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How many processes serve, and what they share."""

    workers: int = knob(
        "CUSTOM_MODEL_WORKERS",
        Whole(1, MAX_WORKERS),
        1,
        "Worker processes; beats `--max-workers` and the variable `MAX_WORKERS`.",
        servers=_GUNICORN_FASTAPI,
    )
    preload: str = knob(
        "DRUM_PRELOAD_MODEL",
        one_of("auto", "on", "off"),
        "auto",
        "Load the model once and let the workers share its memory. `auto` does so for several"
        " workers and a model of a built-in framework without `custom.py`, CUDA or threads, where"
        " the system shows native threads too (Linux).",
        servers=_GUNICORN_FASTAPI,
    )


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Connections and what comes over them. Times in seconds, sizes in bytes; None: no limit."""

    backlog: int = knob(
        "DRUM_WEBSERVER_BACKLOG",
        Whole(1, 10000),
        2048,
        "Connections that may wait to be accepted.",
    )
    header_timeout: int | None = knob(
        "DRUM_HEADER_TIMEOUT",
        OrOff(Whole(0, 3600)),
        20,
        "Seconds a client may take to send a request's headers, and in which more of its body"
        " must come, and in which it must take more of its answer, before the connection is"
        " closed; 0 turns the limits off. Sending is watched on fastapi and by gunicorn's"
        " `gthread` workers, reading on all servers.",
        aliases=("DRUM_UVICORN_HEADER_TIMEOUT",),
    )
    max_body: int | None = knob(
        "DRUM_MAX_UPLOAD_SIZE",
        Whole(1, 2**40),
        None,
        "Largest request body in bytes (413 above it). Unset: 104857600 on fastapi, no limit on"
        " flask and gunicorn.",
        aliases=("DRUM_FASTAPI_MAX_UPLOAD_SIZE",),
    )
    body_budget: int | None = knob(
        "DRUM_BODY_BUDGET",
        Whole(2**20, 2**50),
        None,
        "Bytes of request bodies that one process holds at a time, half-sent ones included; a body"
        " that would exceed them gets a 503, unless it is the only one. Bodies up to 65536 bytes"
        " do not count. Unset: a quarter of the container's memory, divided by the workers.",
    )
    graceful_timeout: int = knob(
        "DRUM_GRACEFUL_TIMEOUT",
        Whole(1, 3600),
        299,
        "Seconds that running requests get to finish after SIGTERM.",
        aliases=("DRUM_GUNICORN_GRACEFUL_TIMEOUT",),
    )


@dataclass(frozen=True, slots=True)
class GunicornSettings:
    """How gunicorn serves. Times in seconds; None: no limit."""

    worker_class: str = knob(
        "DRUM_GUNICORN_WORKER_CLASS",
        one_of("gthread", "sync", "gevent"),
        "gthread",
        "Gunicorn worker class. With `sync`, status routes wait behind predictions.",
        servers=_GUNICORN,
    )
    threads: int | None = knob(
        "DRUM_GUNICORN_THREADS",
        Whole(2, 20000),
        None,
        "Most threads of a `gthread` worker. Unset: one for each connection that it may hold, so"
        " that nobody waits for another's client; they are started when they are needed.",
        servers=_GUNICORN,
    )
    worker_connections: int = knob(
        "DRUM_WORKER_CONNECTIONS",
        Whole(1, 10000),
        1000,
        "Connections that one gunicorn worker holds at a time.",
        servers=_GUNICORN,
    )
    trusted_proxies: str | None = knob(
        "DRUM_GUNICORN_FORWARDED_ALLOW_IPS",
        Networks(),
        None,
        "Addresses or networks of the proxies, with commas between them, from which gunicorn takes"
        " `SCRIPT_NAME`, `PATH_INFO` and the scheme (`X-Forwarded-Proto`): whoever sends them may"
        " choose the path that is served. Unset: from nobody.",
        servers=_GUNICORN,
    )
    max_requests: int = knob(
        "DRUM_GUNICORN_MAX_REQUESTS",
        Whole(0, 10000),
        0,
        "Requests after which a worker is replaced; 0 means never.",
        servers=_GUNICORN,
    )
    max_requests_jitter: int = knob(
        "DRUM_GUNICORN_MAX_REQUESTS_JITTER",
        Whole(0, 10000),
        0,
        "Largest random addition to `DRUM_GUNICORN_MAX_REQUESTS`.",
        servers=_GUNICORN,
    )
    keep_alive: int = knob(
        "DRUM_GUNICORN_KEEP_ALIVE",
        Whole(0, 3600),
        0,
        "Seconds an idle connection is kept open; 0 closes after each answer.",
        servers=_GUNICORN,
    )
    first_byte_timeout: int | None = knob(
        "DRUM_GUNICORN_FIRST_BYTE_TIMEOUT",
        OrOff(Whole(0, 3600)),
        2,
        "Seconds after which a `gevent` worker drops a connection that sends nothing; 0: never.",
        servers=_GUNICORN,
    )
    log_level: str = knob(
        "DRUM_GUNICORN_LOG_LEVEL",
        one_of("debug", "info", "warning", "error", "critical"),
        "info",
        "Level of gunicorn's own log.",
        servers=_GUNICORN,
    )


@dataclass(frozen=True, slots=True)
class FastApiSettings:
    """How uvicorn serves the FastAPI application. Times in seconds; None: no limit."""

    graceful_timeout: int = knob(
        "DRUM_UVICORN_GRACEFUL_TIMEOUT",
        Whole(1, 3600),
        299,
        "Seconds that running requests get to finish after SIGTERM.",
        servers=_FASTAPI,
        twin="DRUM_GRACEFUL_TIMEOUT",
    )
    keep_alive: int = knob(
        "DRUM_UVICORN_KEEP_ALIVE",
        Whole(0, 3600),
        5,
        "Seconds an idle connection is kept open; 0 closes after each answer.",
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_KEEP_ALIVE",
    )
    log_level: str = knob(
        "DRUM_UVICORN_LOG_LEVEL",
        one_of("debug", "info", "warning", "error", "critical"),
        "info",
        "Level of uvicorn's own log.",
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_LOG_LEVEL",
    )
    loop: str = knob(
        "DRUM_UVICORN_LOOP",
        one_of("auto", "asyncio", "uvloop"),
        "auto",
        "Event loop; `auto` takes uvloop where it is installed.",
        servers=_FASTAPI,
    )
    max_requests: int = knob(
        "DRUM_UVICORN_MAX_REQUESTS",
        Whole(0, 1_000_000),
        0,
        "Requests after which a worker is replaced; 0 means never.",
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_MAX_REQUESTS",
    )
    max_requests_jitter: int = knob(
        "DRUM_UVICORN_MAX_REQUESTS_JITTER",
        Whole(0, 1_000_000),
        0,
        "Largest random addition to `DRUM_UVICORN_MAX_REQUESTS`.",
        servers=_FASTAPI,
        twin="DRUM_GUNICORN_MAX_REQUESTS_JITTER",
    )
    limit_concurrency: int | None = knob(
        "DRUM_UVICORN_LIMIT_CONCURRENCY",
        Whole(1, 100_000),
        None,
        "Requests with a body that one worker handles at a time; more get a 503 at once."
        " Unset: no limit but the executor's.",
        servers=_FASTAPI,
    )
    docs: bool = knob(
        "DRUM_FASTAPI_ENABLE_DOCS",
        Flag(),
        False,
        "Serve the OpenAPI description at `/openapi.json` and as a page at `/docs`.",
        servers=_FASTAPI,
    )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files and rules of TLS; without a certificate the server speaks plain HTTP."""

    certfile: str | None = knob(
        "DRUM_SSL_CERTFILE",
        Text(),
        None,
        "Certificate chain (PEM) of the server; with it the server speaks TLS 1.2 and up only.",
    )
    keyfile: str | None = knob(
        "DRUM_SSL_KEYFILE",
        Text(),
        None,
        "Private key (PEM). Unset: it stands in the file of `DRUM_SSL_CERTFILE`.",
    )
    keyfile_password: str | None = knob(
        "DRUM_SSL_KEYFILE_PASSWORD", Text(), None, "Password of the private key.", secret=True
    )
    ca_certs: str | None = knob(
        "DRUM_SSL_CA_CERTS",
        Text(),
        None,
        "Certificates (PEM) of the authorities that client certificates are checked against.",
    )
    cert_reqs: str = knob(
        "DRUM_SSL_CERT_REQS",
        Choice(
            {
                "none": "none",
                "optional": "optional",
                "required": "required",
                "0": "none",
                "1": "optional",
                "2": "required",
            }
        ),
        "none",
        "Whether clients must show a certificate; 0, 1 and 2 stand for none, optional, required.",
    )


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may call."""

    auth_token: str | None = knob(
        "DRUM_AUTH_TOKEN",
        Token(),
        None,
        "Bearer token that every route but liveness and readiness then asks for; at least 16"
        " characters.",
        secret=True,
    )
    forward_authorization: bool = knob(
        "DRUM_FORWARD_AUTHORIZATION",
        Flag(),
        False,
        "Hand the header `Authorization` to the model's hooks where `DRUM_AUTH_TOKEN` is set: it"
        " holds the server's own token then.",
    )
    cors_enabled: bool = knob(
        "DRUM_CORS_ENABLED", Flag(), False, "Let pages of other origins call the server."
    )
    cors_origins: tuple[str, ...] = knob(
        "DRUM_CORS_ORIGINS",
        Origins(),
        ("*",),
        "Those origins; `*` means any, without credentials.",
    )
