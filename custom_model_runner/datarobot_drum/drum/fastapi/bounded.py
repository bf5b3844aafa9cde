"""What a connection may cost: its head, its time, what it has read ahead and what it is sent."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.flow_control import FlowControl

from datarobot_drum.drum import logs
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import Refusals
from datarobot_drum.drum.serving.body import LINGER, MAX_DRAINED, MIN_PROGRESS, TOO_SLOW
from datarobot_drum.drum.serving.sending import NOT_READ, kept_by_system

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
else:
    _Base = object


logger = logs.get_drum_logger(__name__)

# Bytes: as much as the other servers take of one line.
MAX_HEAD: Final = 64 * 1024
# Bytes: so few are parsed at once, wherever a request in them ends.
SMALL: Final = 4096
HEAD_TOO_LARGE: Final = "The request line and headers are larger than the {} bytes allowed."


class BoundedMixin(_Base):
    """Closes connections whose request comes too slowly or whose head does not end, so that they
    hold nothing for long.

    A timer runs only while the rest of a request is awaited: a request that arrives in one
    piece costs no timer of its own.
    """

    header_timeout: float | None = None
    refusals: Refusals

    _timer: asyncio.TimerHandle | None = None
    _progress = 0
    _head = 0
    _answered_early: RequestResponseCycle | None = None
    _linger: asyncio.TimerHandle | None = None
    _drained = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._answered_early is not None:
            if self._answered_early is self.cycle:
                self._drain(len(data))
                return
            # All of it has come, and another request after it.
            self._end_lingering()
        if not self._awaits_head():
            self._head = 0
        elif self._head + len(data) > MAX_HEAD and not self.transport.is_closing():
            self._refuse_head()
            return
        else:
            self._head += len(data)
        if self.awaits_more():
            self._progress += len(data)
            self._watch()
        elif self._timer is not None:
            self._unwatch()

    def on_response_complete(self) -> None:
        latest = self.cycle
        super().on_response_complete()
        # Of several requests on their way it is the latest whose body still comes.
        if latest.response_complete and latest.more_body and not self.transport.is_closing():
            # Closed now, the client would be reset before it has read the answer.
            self._unwatch()
            self._answered_early = latest
            self._linger = self.loop.call_later(LINGER, self.transport.close)

    def _drain(self, size: int) -> None:
        self._drained += size
        if self._drained > MAX_DRAINED:
            self.transport.close()

    def _end_lingering(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._answered_early = None
        self._drained = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._end_lingering()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Called while what the parser has raised is handled."""
        error = sys.exc_info()[1]
        # What a callback of ours has raised below the parser, or the parser itself.
        cause = error and (error.__context__ or error)
        status = getattr(cause, "status", HTTPStatus.BAD_REQUEST)
        self.refuse(routes.not_http(status), str(cause or msg))

    def refuse(self, answer: PredictResponse, reason: str) -> None:
        self._answer_and_close(answer, reason)

    def _refuse_head(self) -> None:
        self._unwatch()
        text = HEAD_TOO_LARGE.format(MAX_HEAD)
        answer = routes.failure(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        # Known as it comes in by httptools' protocol only.
        if len(getattr(self, "url", b"")) > routes.MAX_REQUEST_LINE:
            answer = routes.not_http(HTTPStatus.REQUEST_URI_TOO_LONG)
        self._answer_and_close(answer, text)

    def awaits_more(self) -> bool:
        return self._awaits_head() or self.cycle.more_body

    def _awaits_head(self) -> bool:
        latest = self._latest_cycle()
        return latest is None or latest.response_complete

    def _latest_cycle(self) -> RequestResponseCycle | None:
        return self.cycle

    def _watch(self) -> None:
        if self._timer is None and self.header_timeout is not None:
            self._timer = self.loop.call_later(self.header_timeout, self._on_period_end)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._progress = 0

    def _on_period_end(self) -> None:
        self._timer = None
        if self.transport.is_closing() or not self.awaits_more():
            return
        advanced = self._progress >= MIN_PROGRESS and not self._awaits_head()
        sent_something = self._progress > 0
        self._progress = 0
        latest = self._latest_cycle()
        if advanced or self.flow.read_paused:
            # With reading paused it is the application that is slow, not the client.
            self._watch()
        elif sent_something and (latest is None or self._may_answer(latest)):
            self._answer_and_close(routes.failure(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW))
        else:
            self.transport.close()

    @staticmethod
    def _may_answer(cycle: RequestResponseCycle) -> bool:
        return cycle.response_complete or not cycle.response_started

    def _answer_and_close(self, answer: PredictResponse, reason: str = "") -> None:
        """Answer below the application, which has not seen a whole request.

        Args:
            reason: for the log, where the request is not one.
        """
        client, current = self.client[0] if self.client else "", routes.request_id(None)
        if reason:
            with logs.handling(current):
                logger.warning("Invalid request from %s: %s", client, reason)
        self.transport.write(self.refusals.answer(answer, client, current))
        self.transport.close()


class _Flow(FlowControl):
    """Reads no more of a connection while there is something that was not looked at yet, nor
    while uvicorn wants no more: either alone is reason enough.
    """

    _is_full = False
    _is_held = False

    def pause_reading(self) -> None:
        self._is_held = True
        super().pause_reading()

    def resume_reading(self) -> None:
        self._is_held = False
        self._go_on()

    def fill(self, is_full: bool) -> None:
        self._is_full = is_full
        if is_full:
            super().pause_reading()
        else:
            self._go_on()

    def _go_on(self) -> None:
        if not (self._is_full or self._is_held):
            super().resume_reading()


class OneAtATimeMixin(BoundedMixin):
    """Looks at a request once the one before is answered.

    Uvicorn reads and parses whatever comes, and a request takes some hundred times its bytes.
    """

    flow: _Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.flow = _Flow(self.transport)
        # Bytes that were read and not parsed, and how far the first of them were.
        self._waiting: deque[bytes] = deque()
        self._parsed = 0

    def data_received(self, data: bytes) -> None:
        if len(data) <= SMALL and not self._waiting and not self.is_unanswered():
            super().data_received(data)
            return
        self._waiting.append(data)
        self._parse_on()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._waiting:
            self.loop.call_soon(self._parse_on)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        super().connection_lost(exc)

    def is_unanswered(self) -> bool:
        latest = self._latest_cycle()
        return latest is not None and not (latest.response_complete or latest.more_body)

    def _parse_on(self) -> None:
        while self._waiting and not self.is_unanswered() and not self.transport.is_closing():
            data, start = self._waiting[0], self._parsed
            end = min(start + self._step(data, start), len(data))
            if end == len(data):
                self._waiting.popleft()
                self._parsed = 0
            else:
                self._parsed = end
            # All parsers take any buffer; a copy would cost with large bodies.
            piece = data if end - start == len(data) else memoryview(data)[start:end]
            super().data_received(piece)  # type: ignore[arg-type]
        self.flow.fill(bool(self._waiting))

    def _step(self, data: bytes, start: int) -> int:
        """How many bytes to parse at once, from there on."""
        return len(data) - start


class SentInTimeMixin(BoundedMixin):
    """Gives up a client that does not read its answer: it would hold it for ever."""

    _send_timer: asyncio.TimerHandle | None = None
    # What waits to be sent here and in the system.
    _unsent = 0
    _kept = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Tells when something could not be sent at once. With 0 TLS would tell of nothing, too.
        self.transport.set_write_buffer_limits(high=1, low=0)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_sending()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_send_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_send_timer()
        super().connection_lost(exc)

    def _await_sending(self) -> None:
        if self.header_timeout is not None:
            self._unsent = self.transport.get_write_buffer_size()
            self._kept = kept_by_system(self.transport.get_extra_info("socket"))
            self._send_timer = self.loop.call_later(self.header_timeout, self._on_send_period_end)

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _on_send_period_end(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        kept = kept_by_system(self.transport.get_extra_info("socket"))
        progress = max(self._unsent - unsent, self._kept - kept)
        if unsent > 0 and progress < MIN_PROGRESS:
            logger.warning(NOT_READ, self.client[0] if self.client else "a client")
            self.transport.abort()
        else:
            self._await_sending()
