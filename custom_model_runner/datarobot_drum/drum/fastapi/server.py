"""Uvicorn's server, made to end without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from datarobot_drum.drum.fastapi.acceptor import Acceptor
from datarobot_drum.drum.fastapi.supervisor import Channel
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.lane.streams import seconds_for_streams
from datarobot_drum.drum.serving.listening import BACKLOG_LINGER, IDLE_LINGER, PORT_LOST
from datarobot_drum.drum.serving.sending import kept_by_system
from datarobot_drum.drum.serving.signals import StopSignals

logger = get_drum_logger("uvicorn_server")

# Seconds between two looks at what is left while the server ends.
POLL: Final = 0.02
# Over TLS closing waits for the client's farewell: for so many seconds more.
FAREWELL_ENDS: Final = IDLE_LINGER + 1.0
# Seconds in which requests that are cut off may clean up.
CUT_OFF: Final = 1.0
TICKS_A_SECOND: Final = 10
CLOSE: Final = (b"connection", b"close")


class DrainingServer(uvicorn.Server):
    """Serves until a signal comes, or its supervisor is gone, then answers everything that was
    accepted.

    Args:
        config: loaded.
        signals: of this process; made before the model was loaded.
        channel: to the supervisor, which turns newcomers away when all workers end, and is told
            when connections are accepted, and once when another process should take over from
            this one, which goes on.
        on_drain: called once when the end begins, before the last connections are accepted.
        end_streams: called when the end is near, before requests that still run are cut off.
        is_stuck: whether the model will never be free again: wears the server out.
        max_requests: after so many, and up to ``jitter`` more, it is recycled; 0: never.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        signals: StopSignals,
        channel: Channel,
        on_drain: Callable[[], None],
        end_streams: Callable[[], None],
        is_stuck: Callable[[], bool],
        max_requests: int = 0,
        jitter: int = 0,
    ) -> None:
        super().__init__(config)
        self._signals = signals
        self._channel = channel
        self._on_drain = on_drain
        self._end_streams = end_streams
        self._is_stuck = is_stuck
        self._is_recycled = False
        self._recycled_at = max_requests and max_requests + random.randint(0, jitter)
        self._acceptors: list[Acceptor] = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``StopSignals``: uvicorn's way ends with the signal, not with 0."""
        self._signals.serve()
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        for listener in sockets or []:
            acceptor = self._new_acceptor(listener)
            acceptor.start(self.config.backlog)
            self._acceptors.append(acceptor)
        if self.started:
            # An extension's start-up code has run by now.
            self._signals.stand()
            self._channel.ready()

    def _new_acceptor(self, listener: socket.socket) -> Acceptor:
        loop = asyncio.get_running_loop()

        def make_protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )

        def held() -> int:
            return len(self.server_state.connections)

        return Acceptor(listener, make_protocol, self.config.ssl, self._channel.slot, held)

    async def on_tick(self, counter: int) -> bool:
        if self._signals.first is not None:
            self.should_exit = True
        for acceptor in self._acceptors:
            acceptor.tell()
            if acceptor.port.is_lost() and not self.should_exit:
                logger.error(PORT_LOST)
                self.should_exit = True
        if os.getppid() != self._channel.supervisor and not self.should_exit:
            logger.warning("The process that started this worker is gone: ending.")
            self.should_exit = True
        if not self._is_recycled and self._is_due(counter):
            self._is_recycled = True
            self._channel.recycled()
        return await super().on_tick(counter)

    def _is_due(self, counter: int) -> bool:
        if self._recycled_at and self.server_state.total_requests >= self._recycled_at:
            return True
        if counter % TICKS_A_SECOND or not self._is_stuck():
            return False
        logger.error("A call of the model does not end: this process cannot predict any more.")
        return True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_drain()
        for acceptor in self._acceptors:
            acceptor.drain()
        self._announce_close()
        # The loop goes on accepting: what waits in the backlog comes in now.
        await asyncio.sleep(BACKLOG_LINGER)
        for acceptor in self._acceptors:
            await acceptor.close()
        for listener in sockets or []:
            listener.close()
        await self._finish()
        if not self.force_exit:
            await self.lifespan.shutdown()

    def _announce_close(self) -> None:
        """Every answer that has not begun tells the client that it is the connection's last."""
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_started:
                cycle.default_headers = [*cycle.default_headers, CLOSE]

    async def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = self.config.timeout_graceful_shutdown or 0
        deadline = loop.time() + seconds
        last_items = loop.call_later(seconds_for_streams(seconds), self._end_streams)
        try:
            await self._wait_for_connections(deadline)
        finally:
            last_items.cancel()

    async def _wait_for_connections(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        idle_since: dict[Any, float] = {}
        while self.server_state.connections or self.server_state.tasks:
            self.force_exit = self.force_exit or self._signals.forced
            if self.force_exit or loop.time() > deadline:
                await self._cut_off()
                return
            self._close_idle(idle_since, loop.time())
            await asyncio.sleep(POLL)

    def _close_idle(self, idle_since: dict[Any, float], now: float) -> None:
        for connection in list(self.server_state.connections):
            if not hasattr(connection, "cycle"):
                connection.shutdown()
                continue
            if connection.cycle is not None and not connection.cycle.response_complete:
                idle_since.pop(connection, None)
                continue
            idle = now - idle_since.setdefault(connection, now)
            if idle >= FAREWELL_ENDS and _is_all_sent(connection.transport):
                connection.transport.abort()
            elif idle >= IDLE_LINGER:
                connection.transport.close()

    async def _cut_off(self) -> None:
        tasks = list(self.server_state.tasks)
        if not tasks:
            return
        logger.error("%d requests were still running at the end", len(tasks))
        for task in tasks:
            task.cancel("the server has ended")
        await asyncio.wait(tasks, timeout=CUT_OFF)


def _is_all_sent(transport: asyncio.Transport) -> bool:
    waiting = transport.get_write_buffer_size()
    return not (waiting or kept_by_system(transport.get_extra_info("socket")))
