"""The access log: one line a request on stdout, in gunicorn's format, written by a thread."""

from __future__ import annotations

import base64
import binascii
import contextlib
import sys
import threading
import time
from collections import deque
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datarobot_drum.drum import logs

# Lines that may wait for a slow reader of stdout; the oldest give way. Seconds between writes.
MAX_WAITING: Final = 100_000
PERIOD: Final = 0.1


class LineWriter:
    """Collects lines and writes them in batches, so that no request waits for stdout."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_WAITING)
        self._wake = threading.Event()
        self._write_lock = threading.Lock()
        threading.Thread(target=self._run, name="access-log", daemon=True).start()

    def add(self, line: str) -> None:
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write what has been collected. When nobody reads stdout any more, it is lost."""
        with self._write_lock:
            batch = [self._lines.popleft() for _ in range(len(self._lines))]
            if batch:
                with contextlib.suppress(OSError, ValueError):
                    sys.stdout.write("".join(batch))
                    sys.stdout.flush()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(PERIOD)
            self._wake.clear()
            self.flush()


class AccessLog:
    """ASGI middleware: ``%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"`` and the
    request's id.
    """

    def __init__(self, app: ASGIApp, writer: LineWriter) -> None:
        self._app = app
        self._writer = writer
        self._second = 0
        self._time = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = sent = 0

        async def counting_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            else:
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counting_send)
        finally:
            # Without a status the client went away before there was an answer.
            if status:
                self._writer.add(self._line(scope, status, sent))

    def _line(self, scope: Scope, status: int, sent: int) -> str:
        user = referer = agent = "-"
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = _quotable(value)
            elif name == b"referer":
                referer = _quotable(value)
            elif name == b"authorization":
                user = _basic_user(value)
        client = scope["client"]
        query = scope["query_string"]
        path = _quotable(scope["raw_path"] + b"?" + query if query else scope["raw_path"])
        line = (
            f"{client[0] if client else '-'} - {user} {self._now()}"
            f' "{scope["method"]} {path} HTTP/{scope["http_version"]}"'
            f' {status} {sent} "{referer}" "{agent}" {logs.context_data()}'
        )
        return logs.access_line(line) + "\n"

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._time = time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(second))
        return self._time


def _quotable(value: bytes) -> str:
    """Client text that can neither end its quotes nor move a terminal's cursor."""
    text = value.decode("latin-1")
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    return text.replace('"', '\\"')


def _basic_user(value: bytes) -> str:
    scheme, _, credentials = value.partition(b" ")
    if scheme.lower() != b"basic":
        return "-"
    try:
        name = base64.b64decode(credentials, validate=True).partition(b":")[0]
    except binascii.Error:
        return "-"
    return _quotable(name) or "-"
