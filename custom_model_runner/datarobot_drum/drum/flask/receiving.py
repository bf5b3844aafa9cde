"""Reads a request's body as it comes in."""

from __future__ import annotations

import flask

from datarobot_drum.drum.body import JOINED_UP_TO, BodyCollector
from datarobot_drum.drum.prediction.messages import Body

_PIECE = 64 * 1024


def collect_body(incoming: flask.Request, limit: int | None) -> Body:
    """The whole body.

    Raises:
        BodyTooLargeError, werkzeug's RequestEntityTooLarge: it is larger than ``limit`` bytes.
    """
    length = incoming.content_length
    if length is not None and length <= JOINED_UP_TO:
        return incoming.get_data()
    content_type = incoming.environ.get("CONTENT_TYPE", "")
    collector = BodyCollector(limit, content_type, "" if length is None else str(length))
    while piece := incoming.stream.read(_PIECE):
        collector.add(piece)
    # An extension may have read the body before; then it is in the request object.
    return collector.finish() if collector.size else incoming.get_data()
