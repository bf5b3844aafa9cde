"""The FastAPI application: bytes and headers in, bytes and headers out.

The service's routes are one ASGI endpoint found by a dictionary look-up. FastAPI's own
request and response objects are for the routes that an extension adds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from datarobot_drum.drum import logs
from datarobot_drum.drum.exceptions import (
    BaseCustomUserError,
    BodyTooLargeError,
    ClientGoneError,
    OverloadedError,
)
from datarobot_drum.drum.fastapi.counted import SHARE, CountedBodies
from datarobot_drum.drum.fastapi.docs import add_docs
from datarobot_drum.drum.fastapi.middleware import StandardHeaders
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.messages import Body, PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import Service, failure_response
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import AccessLog
from datarobot_drum.drum.serving.body import BodyCollector, check_announced
from datarobot_drum.drum.serving.budget import FREE, BodyBudget, Share
from datarobot_drum.drum.serving.gate import Gate, withheld
from datarobot_drum.drum.settings import Settings

_NO_TELEMETRY: Final[Any] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
# Bytes. TLS tells of nothing that is not taken, but of what comes after it.
_ENCRYPTED_AT_ONCE: Final = 256 * 1024
# Two of them could be read in two ways.
_SINGLE: Final = (b"authorization", b"content-type", b"host")
_JSON_HEADER: Final = (b"content-type", b"application/json")


class ModelApp(FastAPI):
    """A FastAPI application whose every answer, an extension's too, has the standard headers."""

    def __init__(self, gate: Gate, metrics: Metrics, service_route: ServiceRoute) -> None:
        super().__init__(
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            # Newer FastAPIs trace by themselves, which would double the spans of this server.
            telemetry=_NO_TELEMETRY,
        )
        self._gate = gate
        self._metrics = metrics
        self._service_route = service_route
        # Set before the first request, by a server that writes one.
        self.access_log: AccessLog | None = None
        self.router.routes.append(service_route)

    @property
    def may_take_websockets(self) -> bool:
        """An extension has added more than plain routes."""
        plain = (ServiceRoute, Route)
        return bool(self.user_middleware) or not all(
            isinstance(route, plain) for route in self.router.routes
        )

    def build_middleware_stack(self) -> ASGIApp:
        layers, budget = super().build_middleware_stack(), self._service_route.budget
        app: ASGIApp = CountedBodies(layers, budget, _refuse_body)
        if not self.user_middleware and self.router.routes[0] is self._service_route:
            app = Shortcut(self._service_route, app)
        return StandardHeaders(app, self._gate, self._metrics, self.access_log)


def create_app(service: Service, settings: Settings) -> ModelApp:
    """The application with every route registered, ready for ``custom_fastapi.init_app``."""
    app = ModelApp(Gate(settings.server), service.metrics, ServiceRoute(service, settings))
    if settings.server.fastapi.docs:
        add_docs(app, settings.server.url_prefix)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(BaseCustomUserError, _on_error)
    app.add_exception_handler(Exception, _on_error)
    return app


class ServiceRoute(BaseRoute):
    """All of the service's routes at once."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._max_body = settings.server.http.max_body
        self._withheld = withheld(settings.server.access, service.has_model)
        # Bytes: what comes in one piece, and is no larger, is handed on as it is.
        self._uncounted = min(FREE, self._max_body or FREE)
        self.budget = BodyBudget(settings.server.http.body_budget, service.metrics)
        self._plain: dict[str, dict[str, routes.Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, routes.Route]]] = []
        for route, path in routes.prefixed(settings.server.url_prefix):
            self._methods_at(path)[route.method] = route

    def _methods_at(self, path: str) -> dict[str, routes.Route]:
        if "{" not in path:
            return self._plain.setdefault(path, {})
        pattern = routes.pattern(path)
        for known, methods in self._patterns:
            if known == pattern:
                return methods
        self._patterns.append((pattern, {}))
        return self._patterns[-1][1]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"]
        methods = self._plain.get(path)
        if methods is not None:
            return Match.FULL, {"drum.methods": methods, "path_params": {}}
        for pattern, methods in self._patterns:
            found = pattern.fullmatch(path)
            if found:
                return Match.FULL, {"drum.methods": methods, "path_params": found.groupdict()}
        return Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods: Mapping[str, routes.Route] = scope["drum.methods"]
        method = scope["method"]
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            answer = _other_method(method, routes.allowed_methods(methods))
        else:
            answer = await self._answer(route, scope, receive)
        if method == "HEAD":
            await send_answer(answer, receive, send, with_body=False)
        else:
            encrypted = scope["scheme"] == "https"
            await send_answer(answer, receive, send, _ENCRYPTED_AT_ONCE if encrypted else None)

    async def _answer(self, route: routes.Route, scope: Scope, receive: Receive) -> PredictResponse:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if len(headers) < len(scope["headers"]):
            names = [name for name, _ in scope["headers"]]
            if any(names.count(name) > 1 for name in _SINGLE):
                return routes.not_http()
            headers = _joined(scope["headers"])
        received = await self._read_body(route.operation, scope, headers, receive)
        if isinstance(received, PredictResponse):
            return received
        body, share = received
        headers.pop(self._withheld, None)
        request = PredictRequest(
            body=body,
            content_type=headers.get("content-type", ""),
            headers=headers,
            query=scope["query_string"].decode("latin-1"),
            path_params=scope["path_params"],
            request_id=logs.request_id.get(),
            method=scope["method"],
            route=route.path,
        )
        try:
            return await self._service.answer_async(
                route.operation, request, partial(_until_disconnected, receive)
            )
        finally:
            if share is not None:
                share.give_back()

    async def _read_body(
        self, operation: Operation, scope: Scope, headers: Mapping[str, str], receive: Receive
    ) -> tuple[Body, Share | None] | PredictResponse:
        """The whole body and its share of the budget, or an answer: it is larger than allowed,
        there is no room for it, or the rest will not come.
        """
        length = headers.get("content-length", "")
        try:
            # Before anything of it is asked for: who sees the answer need not send it.
            check_announced(self._max_body, length)
            if len(length) > 4:
                self.budget.check_announced(length)
            piece, more = await _next_piece(receive)
            if not more and len(piece) <= self._uncounted:
                return piece, None
            share = scope.get(SHARE) or Share(self.budget)
            content_type = headers.get("content-type", "")
            collector = BodyCollector(self._max_body, content_type, length, share)
            return await _collect_body(collector, piece, more, receive), share
        except (BodyTooLargeError, ClientGoneError) as error:
            return error_response(error)
        except OverloadedError as error:
            return failure_response(operation, error)


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers of one name as one, as the other servers have it."""
    headers: dict[str, str] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw):
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


# -- a body on its way in, an answer on its way out


async def _next_piece(receive: Receive) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether more will come.

    Raises:
        ClientGoneError: the client left before the end.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError("The client left within its request.")
    return message.get("body", b""), message.get("more_body", False)


async def _collect_body(
    collector: BodyCollector, piece: bytes, more: bool, receive: Receive
) -> Body:
    """The whole body, of which ``piece`` has come.

    Raises:
        BodyTooLargeError: it is larger than allowed.
        OverloadedError: there is no room for it.
        ClientGoneError: the client left before its end.
    """
    with collector:
        collector.add(piece)
        while more:
            piece, more = await _next_piece(receive)
            collector.add(piece)
        return collector.finish()


async def _until_disconnected(receive: Receive) -> None:
    """Wait until the client has gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_answer(
    answer: PredictResponse,
    receive: Receive,
    send: Send,
    at_once: int | None = None,
    with_body: bool = True,
) -> None:
    """Send a whole answer, or a stream as its items come.

    Args:
        at_once: bytes of a whole answer after which is waited until the client takes more.
    """
    content_type = answer.content_type
    headers = [
        _JSON_HEADER
        if content_type == "application/json"
        else (b"content-type", content_type.encode("latin-1"))
    ]
    headers += [(name.lower().encode("latin-1"), v.encode("latin-1")) for name, v in answer.headers]
    body = answer.body
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if isinstance(body, StreamBody):
        await _send_stream(start, body, receive, send)
        return
    assert isinstance(body, bytes)
    headers.append((b"content-length", str(len(body)).encode()))
    await send(start)
    body, sent = body if with_body else b"", 0
    while at_once is not None and len(body) - sent > at_once:
        piece = body[sent : sent + at_once]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        sent += at_once
    await send({"type": "http.response.body", "body": body[sent:]})


async def _refuse_body(error: OverloadedError, receive: Receive, send: Send) -> None:
    await send_answer(error_response(error), receive, send)


async def _send_stream(
    start: dict[str, object], body: StreamBody, receive: Receive, send: Send
) -> None:
    watch = asyncio.create_task(_close_when_gone(body, receive))
    try:
        await send(start)
        async for chunk in body.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        watch.cancel()
        body.close()


async def _close_when_gone(body: StreamBody, receive: Receive) -> None:
    await _until_disconnected(receive)
    body.close()


# -- beside the service


class Shortcut:
    """Takes the service's routes past FastAPI's own layers, which add nothing to them.

    Only where an extension has put neither a middleware nor a route before them.
    """

    def __init__(self, route: ServiceRoute, app: ASGIApp) -> None:
        self._route = route
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, child_scope = self._route.matches(scope)
        if match is Match.FULL:
            scope.update(child_scope)
            await self._route.handle(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _other_method(method: str, allow: str) -> PredictResponse:
    if method == "OPTIONS":
        return PredictResponse(200, b"", "text/html; charset=utf-8", (("Allow", allow),))
    return routes.method_not_allowed(allow)


def _to_starlette(answer: PredictResponse) -> Response:
    assert isinstance(answer.body, bytes)
    return Response(
        answer.body,
        answer.status,
        {"content-type": answer.content_type, **dict(answer.headers)},
    )


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404 and error.detail == "Not Found":
        return _to_starlette(routes.not_found())
    if error.status_code == 405 and "Allow" in headers:
        return _to_starlette(routes.method_not_allowed(headers["Allow"]))
    return _to_starlette(
        routes.failure(error.status_code, str(error.detail), tuple(headers.items()))
    )


async def _on_error(_request: Request, error: Exception) -> Response:
    return _to_starlette(error_response(error))
