"""What wraps the whole application, outside everything an extension adds: headers, figures and the
access log, and an answer to whatever fails in there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datarobot_drum.drum import logs
from datarobot_drum.drum.fastapi.counted import REFUSED
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.messages import Header, PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import NOTHING, AccessLog, Exchange
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
_LINE_END: Final = re.compile(rb"[\r\n\0]")
_POLICY_VIOLATION: Final = 1008
_BODILESS: Final = frozenset({*range(100, 200), 204, 304})
_OF_A_BODY: Final = frozenset(name.encode() for name in routes.OF_A_BODY)
# What the access log shows of a request's headers, as `Exchange` names it.
_SHOWN: Final = {b"authorization": "authorization", b"referer": "referer", b"user-agent": "agent"}


class StandardHeaders:
    """Gives every request its id, every answer the headers that clients rely on, turns away
    callers without the token, counts and logs.

    Args:
        access_log: None: nobody reads one.
    """

    def __init__(
        self, app: ASGIApp, gate: Gate, metrics: Metrics, access_log: AccessLog | None
    ) -> None:
        self._app = app
        self._gate = gate
        self._metrics = metrics
        self._access_log = access_log

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
        early = None if self._gate.is_plain else self._early_answer(scope, own)
        status = sent = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                message["headers"] = [*own, *_with_static(message.get("headers", ()))]
                status = message["status"]
            if status in _BODILESS:
                message = _without_body(message, status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            if early is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await _send_early(early, send_with_headers)
        # What an extension's layers fail of, uvicorn would answer in plain text and without an id.
        except Exception as error:
            # Of a body that was refused, it fails as of a client that has gone.
            if status and REFUSED not in scope:
                raise
            if not status:
                await _send_early(error_response(error), send_with_headers)
        finally:
            # Without a status the client went away before there was an answer.
            if status:
                label = self._gate.label(scope["path"])
                seconds = time.perf_counter() - started
                self._metrics.request(scope["method"], label, status, seconds)
                if self._access_log is not None:
                    self._access_log.add(_exchange(scope, label, status, sent, seconds, current))

    def _early_answer(self, scope: Scope, own: list[RawHeader]) -> PredictResponse | None:
        """The gate's answer, if it has one; its headers of every answer come to ``own``."""
        own += _raw(self._gate.cors_headers(_header(scope, b"origin")))
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
    """Of several with one name all, as the other servers have it."""
    found = [value for name, value in scope["headers"] if name == wanted]
    return b",".join(found).decode("latin-1") if found else ""


def _exchange(
    scope: Scope, route: str, status: int, sent: int, seconds: float, current: str
) -> Exchange:
    shown = {
        _SHOWN[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _SHOWN
    }
    target, query = scope["raw_path"], scope["query_string"]
    if query:
        target = target + b"?" + query
    client, method = scope["client"], scope["method"]
    return Exchange(
        client[0] if client else NOTHING,
        f"{method} {target.decode('latin-1')} HTTP/{scope['http_version']}",
        method,
        route,
        status,
        sent,
        seconds,
        time.time(),
        current,
        **shown,
    )


def _with_static(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """The headers of an answer and those of ours that it does not set itself.

    Raises:
        ValueError: one would write lines of its own into the head.
    """
    headers = list(headers)
    if _LINE_END.search(b"".join([part for pair in headers for part in pair])):
        raise ValueError("A header holds a line end.")
    named = {name for name, _ in headers}
    if named.isdisjoint(_STATIC_NAMES):
        return [*headers, *_STATIC]
    return [*headers, *(pair for pair in _STATIC if pair[0] not in named)]


def _without_body(message: Message, status: int) -> Message:
    """A part of an answer that has no body: it would stand before the next answer."""
    if message["type"] != "http.response.start":
        return {**message, "body": b""}
    headers = [pair for pair in message["headers"] if pair[0].lower() not in _OF_A_BODY]
    if status < HTTPStatus.OK:
        # Uvicorn would end a body in chunks. No client takes this for the whole of an answer: the
        # next one on this connection would become it.
        headers += [(b"content-length", b"0"), (b"connection", b"close")]
    return {**message, "headers": headers}


async def _send_early(answer: PredictResponse, send: Send) -> None:
    assert isinstance(answer.body, bytes)
    headers = _raw((("Content-Type", answer.content_type), *answer.headers))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
