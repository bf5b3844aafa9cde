"""What wraps the whole application, outside everything an extension adds: headers and figures, and
the access log: one line a request on stdout, in gunicorn's format, written by a thread.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datarobot_drum.drum import logs
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.messages import Header, PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.gate import Gate

RawHeader: TypeAlias = tuple[bytes, bytes]


def _raw(headers: Iterable[Header]) -> list[RawHeader]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


_STATIC: Final = tuple(_raw(routes.STATIC_HEADERS))
_STATIC_NAMES: Final = frozenset(name for name, _ in _STATIC)
_REQUEST_ID_NAMES: Final = (
    routes.REQUEST_ID_HEADER.lower().encode(),
    routes.LEGACY_REQUEST_ID_HEADER.lower().encode(),
)
_POLICY_VIOLATION: Final = 1008
# Lines that may wait for a slow reader of stdout; the oldest give way. Seconds between writes.
MAX_WAITING: Final = 100_000
PERIOD: Final = 0.1


class StandardHeaders:
    """Gives every request its id, every answer the headers that clients rely on, turns away
    callers without the token, and counts.
    """

    def __init__(self, app: ASGIApp, gate: Gate, metrics: Metrics) -> None:
        self._app = app
        self._gate = gate
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and not self._allows(scope):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        current = routes.request_id(_header(scope, b"x-request-id"))
        logs.request_id.set(current)
        raw_id = current.encode("latin-1")
        own = [(name, raw_id) for name in _REQUEST_ID_NAMES]
        early = None
        if not self._gate.is_plain:
            own += _raw(self._gate.cors_headers(_header(scope, b"origin")))
            early = self._early_answer(scope)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*own, *_with_static(message.get("headers", ()))]
            await send(message)

        try:
            if early is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await _send_early(early, send_with_headers)
        finally:
            # Without a status the client went away before there was an answer.
            if status:
                label = self._gate.label(scope["path"])
                seconds = time.perf_counter() - started
                self._metrics.request(scope["method"], label, status, seconds)

    def _early_answer(self, scope: Scope) -> PredictResponse | None:
        return self._gate.early_answer(
            scope["method"],
            scope["path"],
            _header(scope, b"authorization"),
            _header(scope, b"origin"),
            _header(scope, b"access-control-request-method"),
        )

    def _allows(self, scope: Scope) -> bool:
        return self._gate.allows("", scope["path"], _header(scope, b"authorization"))


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return ""


def _with_static(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """The headers of an answer and those of ours that it does not set itself."""
    headers = list(headers)
    named = {name for name, _ in headers}
    if named.isdisjoint(_STATIC_NAMES):
        return [*headers, *_STATIC]
    return [*headers, *(pair for pair in _STATIC if pair[0] not in named)]


async def _send_early(answer: PredictResponse, send: Send) -> None:
    assert isinstance(answer.body, bytes)
    headers = _raw((("Content-Type", answer.content_type), *answer.headers))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


# -- the access log


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
