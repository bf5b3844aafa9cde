"""Logging: one format, the id of the request that is being handled in each line, no secrets."""

from __future__ import annotations

import argparse
import contextvars
import json
import logging
import sys
import time
from typing import Any, Final

from datarobot_drum.drum.masking import masked

LOGGER_NAME: Final = "drum"
FORMAT: Final = "%(asctime)-15s %(levelname)s %(name)s:  %(message)s %(context_data)s"

_LEVELS: Final = {
    "all": logging.NOTSET + 1,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


class ContextFilter(logging.Filter):
    """Adds ``context_data``: the request id while a request is handled, else nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context_data = context_data()
        return True


class TextFormatter(logging.Formatter):
    """Lines for people."""

    def __init__(self, form: str = FORMAT) -> None:
        super().__init__(form)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class JsonFormatter(logging.Formatter):
    """Lines for a collector: one JSON object each, the traceback in a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"message": masked(record.getMessage())}
        if record.exc_info:
            fields["exception"] = masked(self.formatException(record.exc_info))
        return json_line(record.levelname, record.name, record.created, fields)


class _State:
    as_json = False


def use_json(wanted: bool) -> None:
    """Write JSON lines from now on, or plain ones."""
    _State.as_json = wanted
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, TextFormatter | JsonFormatter):
            dress(handler)


def writes_json() -> bool:
    return _State.as_json


def dress(handler: logging.Handler) -> logging.Handler:
    """Give a handler, a server's own too, the format that was chosen."""
    handler.setFormatter(JsonFormatter() if _State.as_json else TextFormatter())
    if not any(isinstance(known, ContextFilter) for known in handler.filters):
        handler.addFilter(ContextFilter())
    return handler


def json_line(level: str, name: str, created: float, fields: dict[str, Any]) -> str:
    """One record as JSON text. ``created`` in seconds since the epoch."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created))
    head = {"timestamp": f"{stamp}.{int(created % 1 * 1000):03d}Z", "level": level, "logger": name}
    current = request_id.get()
    tail = {"request_id": current} if current else {}
    return json.dumps(head | fields | tail, ensure_ascii=False, default=str)


def access_line(line: str) -> str:
    """A line of the access log: no secrets, a URL's neither; wrapped when JSON is written."""
    line = masked(line)
    if not _State.as_json:
        return line
    return json_line("INFO", f"{LOGGER_NAME}.access", time.time(), {"message": line})


def context_data() -> dict[str, str] | str:
    """What stands at the end of a plain line."""
    current = request_id.get()
    return {"request_id": current} if current else ""


def get_drum_logger(name: str) -> logging.Logger:
    """The logger ``drum.<name>``; a module's name is taken from this package on."""
    return logging.getLogger(f"{LOGGER_NAME}.{name.removeprefix('datarobot_drum.drum.')}")


def configure(options: argparse.Namespace) -> None:
    """Send all logging to stderr at the level of ``--logging-level``."""
    configure_level(getattr(options, "logging_level", None) or "warning")


def configure_level(level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [dress(logging.StreamHandler(sys.stderr))]
    root.setLevel(_LEVELS[level])
    for name in (LOGGER_NAME, "werkzeug"):
        logging.getLogger(name).setLevel(_LEVELS[level])
