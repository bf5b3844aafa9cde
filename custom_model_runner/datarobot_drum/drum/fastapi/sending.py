"""Answers on their way to the client, and what the client does in the meantime."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.messages import PredictResponse

_JSON_HEADER = (b"content-type", b"application/json")


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client has gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_answer(
    answer: PredictResponse, receive: Receive, send: Send, with_body: bool = True
) -> None:
    """Send a whole answer, or a stream as its items come."""
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
    await send({"type": "http.response.body", "body": body if with_body else b""})


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
    await until_disconnected(receive)
    body.close()
