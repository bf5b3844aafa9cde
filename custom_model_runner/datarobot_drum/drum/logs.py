"""Logging: one format, the id of the request that is being handled in each line, no secrets."""

from __future__ import annotations

import argparse
import contextvars
import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any, ClassVar, Final, TextIO

from datarobot_drum.drum.masking import masked, without_internals, without_native_traces

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

_WARNINGS: Final = logging.getLogger(f"{LOGGER_NAME}.warnings")
# A text with a number of its own in each warning would fill log and memory.
_MOST_WARNINGS: Final = 1000
_PACKAGE_FOLDERS: Final = frozenset({"site-packages", "dist-packages"})

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
        return masked(_terse(super().format(record), record))


class JsonFormatter(logging.Formatter):
    """Lines for a collector: one JSON object each, the traceback in a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"message": masked(_terse(record.getMessage(), record))}
        if record.exc_info:
            fields["exception"] = masked(_terse(self.formatException(record.exc_info), record))
        return json_line(record.levelname, record.name, record.created, fields)


class _State:
    as_json = False
    whole_errors = False
    warned: ClassVar[set[str]] = set()


def _terse(text: str, record: logging.LogRecord) -> str:
    """What failed without the frames of compiled libraries, unless these are asked for."""
    if record.levelno < logging.ERROR or _State.whole_errors:
        return text
    return without_native_traces(text)


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
    """Send all logging to stderr at the level of ``--logging-level``, and Python's warnings to
    the log. ``--show-stacktrace`` leaves errors as long as they are.
    """
    configure_level(getattr(options, "logging_level", None) or "warning")
    _State.whole_errors = bool(getattr(options, "show_stacktrace", False))
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """One line for a warning, a library's once in a process; which are shown, filters say."""
    if file is not None:
        file.write(warnings.formatwarning(message, category, filename, lineno, line))
        return
    text = f"{category.__name__}: {' '.join(without_internals(str(message)).split())}"
    if not _PACKAGE_FOLDERS.isdisjoint(Path(filename).parts):
        if text in _State.warned or len(_State.warned) >= _MOST_WARNINGS:
            return
        _State.warned.add(text)
    _WARNINGS.warning("%s", text)


def configure_level(level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [dress(logging.StreamHandler(sys.stderr))]
    root.setLevel(_LEVELS[level])
    for name in (LOGGER_NAME, "werkzeug"):
        logging.getLogger(name).setLevel(_LEVELS[level])
