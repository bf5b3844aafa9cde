"""Logging: one format, and the id of the request that is being handled in each line."""

from __future__ import annotations

import argparse
import contextvars
import logging
import sys
from typing import Final

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
        current = request_id.get()
        record.context_data = {"request_id": current} if current else ""
        return True


def get_drum_logger(name: str) -> logging.Logger:
    """The logger ``drum.<name>``."""
    return logging.getLogger(f"{LOGGER_NAME}.{name}")


def configure(options: argparse.Namespace) -> None:
    """Send all logging to stderr at the level of ``--logging-level``."""
    configure_level(getattr(options, "logging_level", None) or "warning")


def configure_level(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    for name in (LOGGER_NAME, "werkzeug"):
        logging.getLogger(name).setLevel(_LEVELS[level])
