"""Logging: one format, the id of the request that is being handled in each line, no secrets, and
nothing of others that ends a line or moves a terminal's cursor.
"""

from __future__ import annotations

import argparse
import atexit
import contextvars
import copy
import logging
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, TextIO

from datarobot_drum.drum.masking import masked, without_internals, without_native_traces
from datarobot_drum.drum.utils.escaping import escaped, indented, json_object
from datarobot_drum.drum.utils.printed import CleanStream, PrintedStream, beneath

LOGGER_NAME: Final = "drum"
# What is told at the default level too, although nothing is wrong.
ANNOUNCEMENTS: Final = f"{LOGGER_NAME}.server"
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
_UNCAUGHT: Final = logging.getLogger(f"{LOGGER_NAME}.uncaught")
# What goes to stderr may be a mistake, or a bar of progress.
_PRINTED_LEVELS: Final = {"stdout": "INFO", "stderr": "WARNING"}
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
    """Lines for people: one a record, and below it its traceback."""

    def __init__(self, form: str = FORMAT) -> None:
        super().__init__(form)

    def format(self, record: logging.LogRecord) -> str:
        record.message = _terse(message_of(record), record)
        record.asctime = self.formatTime(record)
        line = escaped(self.formatMessage(_with_clean_names(record)))
        more = [indented(text) for text in _below(self, record)]
        return "\n".join([line, *more])


class JsonFormatter(logging.Formatter):
    """Lines for a collector: one JSON object each, the traceback in a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"message": _terse(message_of(record), record)}
        below = _below(self, record)
        if below:
            fields["exception"] = "\n".join(below)
        named = _with_clean_names(record)
        return json_line(named.levelname, named.name, record.created, fields)


class _State:
    as_json = False
    whole_errors = False
    warned: ClassVar[set[str]] = set()


def message_of(record: logging.LogRecord) -> str:
    """What the record says, without secrets."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Otherwise logging shows it in its own way, secrets and line ends included.
        text = f"{record.msg!s} with {record.args!r}, which do not go together"
    return masked(text)


def _with_clean_names(record: logging.LogRecord) -> logging.LogRecord:
    """The record; names of loggers and levels are others' texts too, and may be secret."""
    name, level = masked(record.name), masked(record.levelname)
    if (name, level) == (record.name, record.levelname):
        return record
    record = copy.copy(record)
    record.name, record.levelname = name, level
    return record


def _terse(text: str, record: logging.LogRecord) -> str:
    """What failed without the frames of compiled libraries, unless these are asked for."""
    if record.levelno < logging.ERROR or _State.whole_errors:
        return text
    return without_native_traces(text)


def _below(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """The record's traceback, and the stack that it may show."""
    below = []
    if record.exc_info:
        below.append(masked(_terse(formatter.formatException(record.exc_info), record)))
    if record.stack_info:
        below.append(masked(formatter.formatStack(record.stack_info)))
    return below


def use_json(wanted: bool) -> None:
    """Write JSON lines from now on, or plain ones. Log lines only: see ``wrap_streams``."""
    _State.as_json = wanted
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, TextFormatter | JsonFormatter):
            dress(handler)


def writes_json() -> bool:
    return _State.as_json


def dress(handler: logging.Handler) -> logging.Handler:
    """Give a handler, a server's own too, the format that was chosen."""
    if isinstance(handler, logging.StreamHandler):
        handler.setStream(beneath(handler.stream))
    handler.setFormatter(JsonFormatter() if _State.as_json else TextFormatter())
    if not any(isinstance(known, ContextFilter) for known in handler.filters):
        handler.addFilter(ContextFilter())
    return handler


def json_line(
    level: str, name: str, created: float, fields: dict[str, Any], current: str | None = None
) -> str:
    """One record as JSON text.

    Args:
        created: in seconds since the epoch.
        current: the id of the request that it belongs to; None: the one being handled.
    """
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created))
    head = {"timestamp": f"{stamp}.{int(created % 1 * 1000):03d}Z", "level": level, "logger": name}
    if current is None:
        current = request_id.get()
    tail = {"request_id": masked(current)} if current else {}
    return json_object(head | fields | tail)


def write_failure(text: str, error: BaseException | None) -> None:
    """Say on stderr, in the format of the log, why this process ends.

    Args:
        error: is shown with its traceback; None: the text says it all.
    """
    text = masked(text)
    trace = "" if error is None else masked("".join(traceback.format_exception(error)))
    if _State.as_json:
        fields = {"message": text} | ({"exception": trace} if trace else {})
        text = json_line("CRITICAL", LOGGER_NAME, time.time(), fields)
    else:
        first, *more = f"{trace}{text}".split("\n")
        text = "\n".join([escaped(first), *(_below_the_first(line) for line in more)])
    stderr = beneath(sys.stderr)
    stderr.write(f"{text}\n")
    stderr.flush()


def _below_the_first(line: str) -> str:
    # With a time, an address or a brace a line of the log begins, and no sentence of a reason.
    is_text = line[:1] in ("", " ") or line[0].isalpha()
    return escaped(line) if is_text else indented(line)


# -- what is printed


def wrap_streams(*names: str) -> None:
    """Make each uncaught exception a record from now on; and where JSON is written, each line that
    is printed to ``stdout`` or ``stderr``. Where plain text is written, what is printed stays as it
    is, but for secrets.
    """
    for name in names:
        stream = beneath(getattr(sys, name))
        if not _State.as_json:
            setattr(sys, name, CleanStream(stream, masked))
        elif not isinstance(getattr(sys, name), PrintedStream):
            setattr(sys, name, _as_records(name, stream))
            atexit.register(getattr(sys, name).finish)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_of_thread
    sys.unraisablehook = _log_unraisable


def unwrap_streams() -> None:
    """The streams and the hooks of Python's own again."""
    for name in _PRINTED_LEVELS:
        stream = getattr(sys, name)
        if isinstance(stream, PrintedStream):
            stream.finish()
            atexit.unregister(stream.finish)
        setattr(sys, name, beneath(stream))
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    sys.unraisablehook = sys.__unraisablehook__


@contextmanager
def stdout_as_records(onto: TextIO) -> Iterator[None]:
    """Where JSON is written: what is printed meanwhile becomes records on another stream."""
    if not _State.as_json:
        yield
        return
    before, printed = sys.stdout, _as_records("stdout", beneath(onto))
    sys.stdout = printed
    try:
        yield
    finally:
        sys.stdout = before
        printed.finish()


def _as_records(name: str, stream: TextIO) -> PrintedStream:
    def make_record(line: str, current: str) -> str:
        fields = {"message": masked(line), "stream": name}
        level, logger = _PRINTED_LEVELS[name], f"{LOGGER_NAME}.printed"
        return json_line(level, logger, time.time(), fields, current)

    return PrintedStream(stream, make_record, request_id.get, masked)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    _UNCAUGHT.critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace))


def _log_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    error = args.exc_value or args.exc_type()
    name = args.thread.name if args.thread is not None else "a thread"
    found = (args.exc_type, error, args.exc_traceback)
    _UNCAUGHT.error("in %s: %s: %s", name, args.exc_type.__name__, error, exc_info=found)


def _log_unraisable(args: sys.UnraisableHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    found = (args.exc_type, error, args.exc_traceback)
    text = args.err_msg or "Exception ignored in"
    kind = args.exc_type.__name__
    _UNCAUGHT.error("%s: %r: %s: %s", text, args.object, kind, error, exc_info=found)


# -- the request that is being handled


@contextmanager
def handling(current: str) -> Iterator[None]:
    """What is logged meanwhile belongs to the request with this id."""
    token = request_id.set(current)
    try:
        yield
    finally:
        request_id.reset(token)


def context_data() -> dict[str, str] | str:
    """What stands at the end of a plain line."""
    current = request_id.get()
    return {"request_id": masked(current)} if current else ""


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


def traceback_of(error: BaseException) -> BaseException | None:
    """The error, for ``exc_info``, where tracebacks are wanted: at DEBUG, with
    ``--show-stacktrace``.
    """
    wanted = _State.whole_errors or logging.getLogger(LOGGER_NAME).isEnabledFor(logging.DEBUG)
    return error if wanted else None


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
    root.handlers[:] = [dress(logging.StreamHandler(beneath(sys.stderr)))]
    root.setLevel(_LEVELS[level])
    for name in (LOGGER_NAME, "werkzeug"):
        logging.getLogger(name).setLevel(_LEVELS[level])
    quiet = _LEVELS[level] > logging.WARNING
    logging.getLogger(ANNOUNCEMENTS).setLevel(_LEVELS[level] if quiet else logging.INFO)
