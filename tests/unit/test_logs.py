"""Log lines: their format, the request's id, and what is kept out of them."""

from __future__ import annotations

import gc
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.utils.failures import report_failure


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the log of one logger holds; as plain text until a test wants JSON."""
    stream = io.StringIO()
    logs.request_id.set("")
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [logs.dress(logging.StreamHandler(stream))]
    yield stream
    root.handlers[:] = before
    logs.use_json(False)
    logs.request_id.set("")


LOGGER = logs.get_drum_logger("test")


def test_a_line_has_the_documented_format(written: io.StringIO) -> None:
    LOGGER.warning("hello %s", "you")
    assert written.getvalue().endswith(" WARNING drum.test:  hello you \n")


def test_the_requests_id_stands_at_the_end(written: io.StringIO) -> None:
    logs.request_id.set("abc")
    LOGGER.warning("hello")
    assert written.getvalue().endswith("hello {'request_id': 'abc'}\n")


def test_json_lines(written: io.StringIO) -> None:
    logs.use_json(True)
    LOGGER.warning('a "quoted"\nline')
    logs.request_id.set("abc")
    try:
        raise ValueError("no")
    except ValueError:
        LOGGER.exception("failed")
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert first["message"] == 'a "quoted"\nline'
    assert (first["level"], first["logger"]) == ("WARNING", "drum.test")
    assert first["timestamp"].endswith("Z")
    assert "request_id" not in first
    assert second["request_id"] == "abc"
    assert second["exception"].endswith("ValueError: no")


def test_other_loggers_are_dressed_too(written: io.StringIO) -> None:
    logs.request_id.set("abc")
    logging.getLogger("uvicorn.error").error("boom")
    assert "boom {'request_id': 'abc'}" in written.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_are_masked(written: io.StringIO, as_json: bool) -> None:
    logs.use_json(as_json)
    credential = {"credentialType": "basic", "user": "the-user", "password": 'p"ss\\word'}
    masking.hide_those_in(
        {
            "MLOPS_RUNTIME_PARAM_CREDS": json.dumps({"type": "credential", "payload": credential}),
            "MLOPS_RUNTIME_PARAM_DRUM_AUTH_TOKEN": "plain-token",
            "MLOPS_RUNTIME_PARAM_NGC_API_KEY": json.dumps({"type": "string", "payload": "ngc-1"}),
            "MLOPS_RUNTIME_PARAM_NAME": "not-secret",
            "SOME_TOKEN": "someone-elses",
            "AUTHOR": "an-author",
        }
    )
    try:
        raise ValueError('p"ss\\word')
    except ValueError:
        LOGGER.exception("the-user plain-token %s not-secret someone-elses an-author", "ngc-1")
    text = written.getvalue()
    assert "***** ***** ***** not-secret ***** an-author" in text
    assert "ss\\word" not in text


def test_short_words_are_left_alone() -> None:
    masking.hide(["no", "true", "1"])
    assert masking.masked("no 1 true") == "no 1 true"


ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
# JSON takes two halves that stand together for one sign.
WHOLE = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


def one_record(name: str, message: str, error: Exception | None, as_json: bool) -> str:
    """What a handler writes for it, without the line's end."""
    record = logging.LogRecord(name, logging.ERROR, "", 1, "%s", (message,), None)
    if error is not None:
        record.exc_info = (type(error), error, None)
    record.context_data = ""
    return (logs.JsonFormatter() if as_json else logs.TextFormatter()).format(record)


@given(ANY, ANY, ANY)
def test_whatever_a_text_holds_one_record_is_one_line_and_its_traceback_stands_below(
    name: str, message: str, error: str
) -> None:
    first, *below = one_record(name, message, ValueError(error), as_json=False).split("\n")
    assert first.isprintable()
    assert below
    assert all(line.startswith("  ") and line.isprintable() for line in below)


@given(WHOLE, ANY)
def test_whatever_a_text_holds_one_record_is_one_json_object(message: str, error: str) -> None:
    line = one_record("drum.test", message, ValueError(error), as_json=True)
    assert line.isprintable()
    fields = json.loads(line)
    assert fields["message"] == message
    assert fields["exception"].startswith("ValueError")


@contextmanager
def wrapped() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """What is beneath stdout and stderr while JSON is written.

    No fixture: the test run changes both streams between a fixture and its test.
    """
    before, beneath = (sys.stdout, sys.stderr), (io.StringIO(), io.StringIO())
    hooks = threading.excepthook, sys.unraisablehook, sys.excepthook
    sys.stdout, sys.stderr = beneath
    logs.use_json(True)
    logs.wrap_streams("stdout", "stderr")
    try:
        yield beneath
    finally:
        logs.unwrap_streams()
        logs.use_json(False)
        logs.request_id.set("")
        sys.stdout, sys.stderr = before
        threading.excepthook, sys.unraisablehook, sys.excepthook = hooks


def records(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_printed_is_a_record_with_its_stream_and_the_requests_id() -> None:
    masking.hide(["printed-secret"])
    with wrapped() as streams:
        logs.request_id.set("abc")
        print("out", "printed-secret")
        print("err", file=sys.stderr)

    (out,), (err,) = map(records, streams)
    assert (out["message"], out["stream"], out["level"]) == ("out *****", "stdout", "INFO")
    assert (err["message"], err["stream"], err["level"]) == ("err", "stderr", "WARNING")
    assert out["request_id"] == err["request_id"] == "abc"


def test_a_line_that_is_never_ended_is_written_at_the_end() -> None:
    with wrapped() as (out, _):
        print("begun", end="", flush=True)

    assert [record["message"] for record in records(out)] == ["begun"]


def test_a_handler_on_a_wrapped_stream_writes_beneath_it() -> None:
    logger = logging.Logger("gunicorn.error")  # noqa: LOG001 (nobody else's)
    with wrapped() as (_, err):
        logger.addHandler(logs.dress(logging.StreamHandler(sys.stderr)))
        logger.error("once")

    (record,) = records(err)
    assert (record["message"], record["logger"]) == ("once", "gunicorn.error")


class Unraisable:
    def __del__(self) -> None:
        raise KeyError("in a finalizer")


def test_whatever_nobody_catches_is_one_record_with_its_traceback(written: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError("in a thread")

    with wrapped():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        Unraisable()
        gc.collect()
        try:
            raise OSError("at the top")
        except OSError as error:
            sys.excepthook(OSError, error, error.__traceback__)

    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [record["logger"] for record in found] == ["drum.uncaught"] * 3
    for record, text in zip(found, ("in a thread", "in a finalizer", "at the top"), strict=True):
        assert text in record["message"]
        assert record["exception"].startswith("Traceback (most recent call last)")


def test_why_a_process_ends_is_one_record() -> None:
    with wrapped() as (_, err):
        report_failure(ValueError("two\nlines \x1b[31m"))
        report_failure(ValueError("two\nlines \x1b[31m"), with_traceback=True)

    short, long = records(err)
    assert short["message"] == "two\nlines \x1b[31m"
    assert (short["level"], "exception" in short) == ("CRITICAL", False)
    assert "ValueError: two" in long["exception"]


def test_why_a_process_ends_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    report_failure(ValueError("two\nlines \x1b[31m"), with_traceback=True)

    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["two", r"lines \x1b[31m"]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("start", ["2026-11-28 09:15:02,000 INFO drum:  ", "{", "::1 - ", "- "])
def test_why_a_process_ends_forges_no_line(capsys: pytest.CaptureFixture[str], start: str) -> None:
    report_failure(ValueError(f"no column 'a\n{start}forged\r{start}"))

    first, second = capsys.readouterr().err.rstrip("\n").split("\n")
    assert (first, second) == ("no column 'a", f"  {start}forged\\r{start}".rstrip())
