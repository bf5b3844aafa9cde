"""Reads a request's body as it comes in."""

from __future__ import annotations

from starlette.types import Receive

from datarobot_drum.drum.exceptions import ClientGoneError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.serving.body import BodyCollector


async def collect_body(
    receive: Receive, limit: int | None, content_type: str, content_length: str
) -> Body:
    """The whole body.

    Raises:
        BodyTooLargeError: it is larger than ``limit`` bytes.
        ClientGoneError: the client left before its end.
    """
    collector: BodyCollector | None = None
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("The client left within its request.")
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        if collector is None:
            if not more and (limit is None or len(piece) <= limit):
                return piece
            collector = BodyCollector(limit, content_type, content_length)
        collector.add(piece)
        if not more:
            return collector.finish()
