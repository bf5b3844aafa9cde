"""Sends an answer to a client that has to read it: at its pace, but not for ever."""

from __future__ import annotations

import errno
import socket
import time
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving.body import MIN_PROGRESS

NOT_READ: Final = "%s does not read its answer: the connection is closed."

logger = get_drum_logger("sending")


def send_all(
    connection: socket.socket, data: bytes | memoryview, limit: float | None, client: str
) -> None:
    """Send everything, over a socket or its TLS wrapping.

    Args:
        limit: seconds in which the client has to take ``MIN_PROGRESS`` bytes each time; None: as
            long as it takes.
        client: for the log.

    Raises:
        BrokenPipeError: it does not, or it has gone.
    """
    if limit is None:
        connection.sendall(data)
        return
    before = connection.gettimeout()
    connection.settimeout(limit)
    try:
        _send_in_periods(connection, memoryview(data), limit)
    except TimeoutError:
        logger.warning(NOT_READ, client)
        raise BrokenPipeError(errno.EPIPE, "The client does not read its answer.") from None
    finally:
        connection.settimeout(before)


def _send_in_periods(connection: socket.socket, left: memoryview, limit: float) -> None:
    """Raises TimeoutError: too little was taken in one period."""
    end, progress = time.monotonic() + limit, 0
    while left:
        sent = connection.send(left)
        left, progress = left[sent:], progress + sent
        if left and time.monotonic() >= end:
            if progress < MIN_PROGRESS:
                raise TimeoutError
            end, progress = time.monotonic() + limit, 0
