"""Accepts connections for one of several workers that share a socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving.balance import STEP_BACK, Slot
from datarobot_drum.drum.serving.listening import IDLE_LINGER, NOT_ACCEPTED, Port
from datarobot_drum.drum.utils.shortage import Complaint, shortage

logger = get_drum_logger("acceptor")

# Seconds to wait when the process has no file descriptor left for another connection.
EXHAUSTED_PAUSE: Final = 1.0


class Acceptor:
    """Takes one connection at a time, and steps back while another worker holds fewer.

    Args:
        listener: bound and non-blocking; ``start`` makes it listen.
        make_protocol: the protocol of a new connection.
        tls: wraps each connection; None: plain.
        held: how many connections this worker has.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        slot: Slot,
        held: Callable[[], int],
    ) -> None:
        self._listener = listener
        self.port = Port(listener)
        self._make_protocol = make_protocol
        self._tls = tls
        self._slot = slot
        self._held = held
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._drains = False
        self._closed = False
        self._complaint = Complaint(logger, NOT_ACCEPTED)

    def start(self, backlog: int) -> None:
        """Accept from now on.

        Raises:
            OSError: another program listens on the port since the socket was bound.
        """
        self._listener.listen(backlog)
        self.tell()
        self._loop.add_reader(self._listener, self._on_readable)

    def tell(self) -> None:
        """Put the number of connections on the board."""
        if not self._drains:
            self._slot.hold(self._held() + len(self._opening))

    def drain(self) -> None:
        """Take everything that waits, without regard to the others: they do the same."""
        self._drains = True
        self._slot.leave()

    async def close(self) -> None:
        """Accept no more; returns when every accepted connection has its protocol.

        One whose handshake does not end in time is dropped: nothing was asked over it.
        """
        self._closed = True
        self._loop.remove_reader(self._listener)
        if self._opening:
            _, late = await asyncio.wait(self._opening, timeout=IDLE_LINGER)
            for task in late:
                task.cancel()

    def _on_readable(self) -> None:
        self.tell()
        if self._drains or self._slot.goes_first():
            self._accept()
        else:
            self._pause(STEP_BACK)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listener, self._on_readable)
            self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            # Else another worker was faster, or the client has gone again.
            missing = shortage(error)
            if missing is not None:
                self._complaint.tell(missing)
                self._pause(EXHAUSTED_PAUSE)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        self.tell()

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection, ssl=self._tls)
        except OSError as error:
            # A failed handshake is the client's affair.
            logger.debug("A connection was not opened: %s", error)
            connection.close()
