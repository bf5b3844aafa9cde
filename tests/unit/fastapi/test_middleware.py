"""Lines of the fastapi server's access log that a process test would not make."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from typing import Any

import pytest

from datarobot_drum.drum import logs
from datarobot_drum.drum.fastapi.middleware import MAX_WAITING, AccessLog, LineWriter


class Lines(LineWriter):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)


def line_of(headers: list[tuple[bytes, bytes]], **more: Any) -> str:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1234", "more_body": True})
        await send({"type": "http.response.body", "body": b"567"})

    async def send(_message: Any) -> None:
        return None

    lines = Lines()
    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "http_version": "1.1",
        "client": ("1.2.3.4", 5),
        "headers": headers,
    }
    asyncio.run(AccessLog(app, lines)({**scope, **more}, None, send))  # type: ignore[arg-type]
    (line,) = lines.lines
    assert line.endswith("\n")
    return line


def test_all_parts_of_a_streamed_answer_are_counted() -> None:
    assert ' 200 7 "-" "-"' in line_of([])


@pytest.mark.parametrize("client", [None, ("1.2.3.4", 5)])
def test_a_client_without_an_address_is_a_dash(client: Any) -> None:
    assert line_of([], client=client).startswith("1.2.3.4 " if client else "- ")


def test_client_text_can_neither_end_its_quotes_nor_reach_the_terminal() -> None:
    line = line_of([(b"user-agent", b'a" 200 1 "\x1b[2J')])

    assert r'"a\" 200 1 \"\x1b[2J"' in line
    assert "\x1b" not in line


@pytest.mark.parametrize("value", [b"Bearer secret", b"Basic !", b"Basic", b"Basic Og=="])
def test_only_a_basic_name_is_a_user_and_no_secret_is_logged(value: bytes) -> None:
    line = line_of([(b"authorization", value)])

    assert line.startswith("1.2.3.4 - - [")
    assert "secret" not in line


def test_lines_are_json_when_the_log_is() -> None:
    logs.use_json(True)
    try:
        assert line_of([]).startswith("{")
    finally:
        logs.use_json(False)


def test_the_writer_writes_in_order_and_drops_the_oldest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its thread would write in between.
    monkeypatch.setattr("threading.Thread.start", lambda _self: None)
    writer = LineWriter()
    for number in range(MAX_WAITING + 2):
        writer.add(f"{number}\n")
    writer.flush()

    written = capsys.readouterr().out.splitlines()
    assert written[0] == "2"
    assert written[-1] == str(MAX_WAITING + 1)
    assert len(written) == MAX_WAITING


def test_without_a_reader_of_stdout_serving_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.Thread.start", lambda _self: None)
    reading, writing = os.pipe()
    os.close(reading)
    stdout = open(writing, "wb", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, write_through=True))
    writer = LineWriter()
    writer.add("a line\n")
    writer.flush()
    with pytest.raises(BrokenPipeError):
        sys.stdout.write("nobody reads this\n")
    stdout.close()
