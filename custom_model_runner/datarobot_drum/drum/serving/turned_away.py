"""Connections that were accepted and cannot be served: they are told so, and to come again.

By the thread that accepts, which must not wait for any client.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from http import HTTPStatus
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import Refusals
from datarobot_drum.drum.utils.shortage import Complaint

NO_THREAD: Final = "The server has no thread for another request. Try again later."
# Seconds for which such a connection stays open: closed while its request comes in, it would be
# reset, and the answer lost.
STAY: Final = 1.0
# More than so many do not stay.
MOST: Final = 128
RETRY: Final = (("Retry-After", "1"),)
_READ_AT_ONCE: Final = 64 * 1024

logger = get_drum_logger(__name__)


class TurnedAway:
    """Answers with status 503 and closes, in time."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._open: deque[tuple[float, socket.socket]] = deque()
        self._complaint = Complaint(logger, "Requests are refused: %s")

    def add(
        self, connection: socket.socket, client: str, error: BaseException, plain: bool = True
    ) -> None:
        """Take a connection over.

        Args:
            client: its address.
            error: why no thread could be started.
            plain: without TLS, which would have to be agreed on first.
        """
        self._complaint.tell(str(error) or type(error).__name__)
        answer = self._refusals.answer(
            routes.failure(HTTPStatus.SERVICE_UNAVAILABLE, NO_THREAD, RETRY), client
        )
        with contextlib.suppress(OSError):
            connection.setblocking(False)
            _read(connection)
            if plain:
                connection.send(answer)
            connection.shutdown(socket.SHUT_WR)
        self._open.append((time.monotonic() + STAY, connection))
        self.look()

    def look(self) -> None:
        """Close those that have been open for long enough; called now and then."""
        while self._open and (len(self._open) > MOST or self._open[0][0] <= time.monotonic()):
            self._close(self._open.popleft()[1])

    def close(self) -> None:
        while self._open:
            self._close(self._open.popleft()[1])

    @staticmethod
    def _close(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            _read(connection)
        connection.close()


def _read(connection: socket.socket) -> None:
    """Throw away what has come."""
    with contextlib.suppress(BlockingIOError):
        connection.recv(_READ_AT_ONCE)
