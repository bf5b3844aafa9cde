"""``DRUM_UVICORN_LIMIT_CONCURRENCY``: refuse at once what this worker has no room for."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.fastapi.app import send_answer
from datarobot_drum.drum.prediction.errors import error_response

TOO_MANY = "The server is busy: too many requests at a time. Try again later."


class ConcurrencyLimit:
    """ASGI middleware that lets ``limit`` requests with a body in at a time.

    Requests without one, the status routes among them, always pass: an orchestrator must
    not take a busy worker for a dead one.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
        elif self._inside >= self._limit:
            await send_answer(error_response(OverloadedError(TOO_MANY)), receive, send)
        else:
            self._inside += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._inside -= 1
