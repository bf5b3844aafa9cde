"""Refuse requests that do not carry the token. Used by the server fastapi."""

import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from datarobot_drum import RuntimeParameters

# Probes of the platform come without a token. These paths stand after URL_PREFIX, if that is set.
OPEN = {"", "/ping", "/health", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready"}


def init_app(app: FastAPI) -> None:
    expected = f"Bearer {RuntimeParameters.get('API_TOKEN')}".encode()

    @app.middleware("http")
    async def check_token(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        given = request.headers.get("Authorization", "").encode()
        # compare_digest takes the same time wherever the first difference is.
        if request.url.path.rstrip("/") in OPEN or secrets.compare_digest(given, expected):
            return await call_next(request)
        refusal = {"message": "ERROR: a valid token is needed"}
        return JSONResponse(refusal, 401, {"WWW-Authenticate": "Bearer"})
