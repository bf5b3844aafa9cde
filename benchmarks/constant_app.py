"""An ASGI application that reads the body and answers a constant: the floor of any server."""

from __future__ import annotations

import os
from typing import Any

BODY = os.environ.get("CONSTANT_BODY", "").encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
