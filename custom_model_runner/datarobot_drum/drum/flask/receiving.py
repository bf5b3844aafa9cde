"""Reads a request's body as it comes in."""

from __future__ import annotations

from collections.abc import Callable

import flask
from werkzeug.exceptions import HTTPException

from datarobot_drum.drum.exceptions import MalformedRequestError, SlowClientError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.serving.body import JOINED_UP_TO, BodyCollector
from datarobot_drum.drum.utils.others_code import failing_as

# Bytes. Of what it has received gunicorn copies the rest at each step: let there be few.
_PIECE = 1024 * 1024


def collect_body(incoming: flask.Request, limit: int | None) -> Body:
    """The whole body.

    Raises:
        BodyTooLargeError, werkzeug's RequestEntityTooLarge: it is larger than ``limit`` bytes.
        MalformedRequestError: its chunks are broken, or it ends too early.
        SlowClientError: it takes too long, where the server has a limit.
    """
    length = incoming.content_length
    if length is not None and length <= JOINED_UP_TO:
        return _read(incoming.get_data)
    content_type = incoming.environ.get("CONTENT_TYPE", "")
    collector = BodyCollector(limit, content_type, "" if length is None else str(length))
    while piece := _read(lambda: incoming.stream.read(_PIECE)):
        collector.add(piece)
    # An extension may have read the body before; then it is in the request object.
    return collector.finish() if collector.size else incoming.get_data()


def _read(read: Callable[[], bytes]) -> bytes:
    with failing_as(_broken):
        return read()


def _broken(error: BaseException) -> MalformedRequestError | None:
    """Every server has exceptions of its own for this."""
    if isinstance(error, (HTTPException, SlowClientError)) or not isinstance(error, Exception):
        return None
    return MalformedRequestError("The request's body is broken or ends too early.")
