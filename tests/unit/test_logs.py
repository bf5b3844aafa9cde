"""Log lines: their format, the request's id, and what is kept out of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from datarobot_drum.drum import logs, masking


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
        }
    )
    try:
        raise ValueError('p"ss\\word')
    except ValueError:
        LOGGER.exception("the-user plain-token %s not-secret someone-elses basic", "ngc-1")
    text = written.getvalue()
    assert "***** ***** ***** not-secret someone-elses basic" in text
    assert "ss\\word" not in text


def test_short_words_are_left_alone() -> None:
    masking.hide(["no", "true", "1"])
    assert masking.masked("no 1 true") == "no 1 true"
