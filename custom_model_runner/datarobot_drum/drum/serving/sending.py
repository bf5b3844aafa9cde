"""Sends an answer to a client that has to read it: at its pace, but not for ever."""

from __future__ import annotations

import errno
import fcntl
import socket
import ssl
import sys
import termios
import time
from typing import Any, Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving.body import MIN_PROGRESS

NOT_READ: Final = "%s does not read its answer: the connection is closed."

# Bytes: TLS takes all that it is given or nothing, in one timeout.
_RECORD: Final = 16 * 1024

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


def kept_by_system(connection: Any) -> int:
    """Bytes that were sent and that the other side has not taken yet.

    The system asks for more only when a third of its room is free, which a slow client that reads
    all the time takes minutes for: this tells that it does.
    """
    try:
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _send_in_periods(connection: socket.socket, left: memoryview, limit: float) -> None:
    """Raises TimeoutError: too little was taken in one period."""
    step = _RECORD if isinstance(connection, ssl.SSLSocket) else len(left)
    end, progress, kept = time.monotonic() + limit, 0, kept_by_system(connection)
    while left:
        try:
            sent = connection.send(left[:step])
        except TimeoutError:
            sent = 0
        left, progress = left[sent:], progress + sent
        if not left:
            return
        now = time.monotonic()
        if now >= end:
            before, kept = kept, kept_by_system(connection)
            if max(progress, before - kept) < MIN_PROGRESS:
                raise TimeoutError
            end, progress = now + limit, 0
        connection.settimeout(end - now)
