"""Lines of the access log that a process test would not make."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum import masking
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import MAX_WAITING, AccessLog, Exchange, Refusals
from tests.unit.scarce_threads import no_threads

PLAIN = Exchange("1.2.3.4", "GET /ping/ HTTP/1.1", "GET", "/ping/", 200, 21, 0.25, 1e9, "an-id")
LINE = re.compile(
    r'(?P<client>\S+) - (?P<user>\S+) \[[^]]+\] "(?P<request>(?:[^"\\]|\\.)*)" 200 21'
    r' "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)" 0\.250000'
    r" \{'request_id': 'an-id'\}"
)
# As servers hand them on: bytes decoded as Latin-1.
WIRE = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))


def read_back(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


@given(WIRE, WIRE, WIRE, WIRE)
def test_whatever_comes_is_one_line_whose_quotes_read_back(
    request: str, referer: str, agent: str, user: str
) -> None:
    exchange = PLAIN._replace(
        request_line=request, referer=referer, agent=agent, authorization=f"Basic {user}"
    )
    line = exchange.line(as_json=False)

    assert line.isascii() and line.isprintable()
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert read_back(found["request"]) == (request or "-")
    assert read_back(found["referer"]) == (referer or "-")
    assert read_back(found["agent"]) == (agent or "-")


@given(st.text(max_size=40), WIRE)
def test_whatever_comes_is_one_json_object(request: str, agent: str) -> None:
    line = PLAIN._replace(request_line=request, agent=agent).line(as_json=True)

    assert line.isprintable()
    fields = json.loads(line)
    assert fields["message"] == request
    assert fields.get("user_agent", "") == agent


def test_json_has_fields_of_its_own() -> None:
    fields = json.loads(PLAIN.line(as_json=True))

    del fields["timestamp"]
    assert fields == {
        "level": "INFO",
        "logger": "drum.access",
        "message": "GET /ping/ HTTP/1.1",
        "method": "GET",
        "path": "/ping/",
        "status": 200,
        "duration": 0.25,
        "bytes": 21,
        "client": "1.2.3.4",
        "request_id": "an-id",
    }


@pytest.mark.parametrize("value", ["Bearer secret", "Basic !", "Basic", "Basic Og==", "Basic ü"])
def test_only_a_basic_name_is_a_user_and_no_secret_is_logged(value: str) -> None:
    line = PLAIN._replace(authorization=value).line(as_json=False)

    assert line.startswith("1.2.3.4 - - [")
    assert "secret" not in line


def test_a_secret_in_a_url_is_hidden_before_it_is_quoted() -> None:
    masking.hide(['a"secret\\of\x1bours'])
    line = PLAIN._replace(request_line='GET /?a"secret\\of\x1bours HTTP/1.1').line(as_json=False)

    assert '"GET /?***** HTTP/1.1"' in line


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> AccessLog:
    """Its thread would write in between."""
    monkeypatch.setattr("threading.Thread.start", lambda _self: None)
    return AccessLog()


def test_it_is_written_in_order_and_the_oldest_give_way(
    by_hand: AccessLog, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(MAX_WAITING + 2):
        by_hand.add(PLAIN._replace(client=str(number)))
    by_hand.flush()

    written = capsys.readouterr().out.splitlines()
    assert written[0].startswith("2 ")
    assert written[-1].startswith(f"{MAX_WAITING + 1} ")
    assert len(written) == MAX_WAITING


def test_without_a_reader_of_stdout_serving_goes_on(
    by_hand: AccessLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stdout = open(writing, "wb", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, write_through=True))
    by_hand.add(PLAIN)
    by_hand.flush()
    with pytest.raises(BrokenPipeError):
        sys.stdout.write("nobody reads this\n")
    stdout.close()


def test_what_the_parser_refuses_is_answered_counted_and_logged(
    by_hand: AccessLog, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = Metrics()
    answer: Any = Refusals(by_hand, metrics).answer(routes.not_http(), "1.2.3.4", "an-id")
    by_hand.flush()

    assert answer.startswith(b"HTTP/1.1 400 ") and b"\r\nX-Request-ID: an-id\r\n" in answer
    line = capsys.readouterr().out
    assert line.startswith("1.2.3.4 - - [") and '"-" 400 52 "-" "-"' in line and "an-id" in line
    counted = metrics.text({}).decode()
    assert 'drum_requests_total{endpoint="other",method="other",status="400"} 1.0' in counted


def test_lines_wait_for_a_thread_that_could_not_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = threading.Event()

    class Shown(io.StringIO):
        def flush(self) -> None:
            written.set()

    shown = Shown()
    monkeypatch.setattr(sys, "stdout", shown)
    with no_threads():
        log = AccessLog()
        log.add(PLAIN)
    log.add(PLAIN)
    assert written.wait(30)
    assert shown.getvalue().count("an-id") == 2
