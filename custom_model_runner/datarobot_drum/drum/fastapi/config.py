"""The ``DRUM_UVICORN_*`` parameters, checked once."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from datarobot_drum.drum.exceptions import SettingError, StartupError
from datarobot_drum.drum.knobs import knob


@dataclass(frozen=True, slots=True)
class UvicornSettings:
    """How uvicorn serves. Times in seconds; None: no limit.

    Attributes:
        max_requests: after so many a worker is replaced; 0: never.
        max_requests_jitter: largest random addition to ``max_requests``.
        limit_concurrency: requests with a body that one worker handles at a time.
        header_timeout: for a request's head, and between two steps of its body.
        use_uvloop: run on uvloop instead of asyncio's own loop.
    """

    backlog: int
    keep_alive: int
    graceful_timeout: int
    header_timeout: int | None
    limit_concurrency: int | None
    log_level: str
    max_requests: int
    max_requests_jitter: int
    use_uvloop: bool

    @classmethod
    def from_knobs(cls) -> UvicornSettings:
        """Read the runtime parameters.

        Raises:
            SettingError: a value is out of range, or uvloop is asked for and not installed.
        """
        return cls(
            backlog=knob("DRUM_WEBSERVER_BACKLOG"),
            keep_alive=knob("DRUM_UVICORN_KEEP_ALIVE"),
            graceful_timeout=knob("DRUM_UVICORN_GRACEFUL_TIMEOUT"),
            header_timeout=knob("DRUM_UVICORN_HEADER_TIMEOUT") or None,
            limit_concurrency=knob("DRUM_UVICORN_LIMIT_CONCURRENCY"),
            log_level=knob("DRUM_UVICORN_LOG_LEVEL"),
            max_requests=knob("DRUM_UVICORN_MAX_REQUESTS"),
            max_requests_jitter=knob("DRUM_UVICORN_MAX_REQUESTS_JITTER"),
            use_uvloop=_uvloop_wanted(knob("DRUM_UVICORN_LOOP")),
        )


def require_packages() -> None:
    """Find out early, and without importing them, that the server's packages are there.

    Raises:
        StartupError: one is missing; the text says how to install it.
    """
    for name in ("fastapi", "uvicorn"):
        if not _installed(name):
            raise StartupError(
                f"The fastapi server needs the package {name}."
                " Install it with: pip install 'custom-model-runner[fastapi]'"
            )


def _uvloop_wanted(choice: str) -> bool:
    installed = _installed("uvloop")
    if choice == "uvloop" and not installed:
        raise SettingError(
            "DRUM_UVICORN_LOOP is uvloop, but uvloop is not installed."
            " Install it with: pip install uvloop"
        )
    return installed and choice != "asyncio"


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
