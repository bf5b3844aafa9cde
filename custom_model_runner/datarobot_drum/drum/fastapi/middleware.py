"""What wraps the whole application, outside everything an extension adds."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datarobot_drum.drum import logs, routes


class StandardHeaders:
    """Gives every request its id, and every answer the headers that clients rely on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        current = routes.request_id(_incoming_id(scope))
        logs.request_id.set(current)
        standard = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in routes.standard_headers(current)
        ]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *standard]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _incoming_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return str(value.decode("latin-1"))
    return None
