"""Uvicorn's HTTP protocols, with limits on a request's head and on the time it may take to come."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum import logs
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import Refusals
from datarobot_drum.drum.serving.body import LINGER, MAX_DRAINED, MIN_PROGRESS, TOO_SLOW

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
else:
    _Base = object


logger = logs.get_drum_logger(__name__)

_CODING: Final = b"transfer-encoding"
# Bytes: as much as the other servers take of one line.
MAX_HEAD: Final = 64 * 1024
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
        if self._awaits_more():
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
        self._answer_and_close(routes.not_http(), _reason(error) if error else msg)

    def _refuse_head(self) -> None:
        self._unwatch()
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        text = HEAD_TOO_LARGE.format(MAX_HEAD)
        self._answer_and_close(routes.failure(status, text), text)

    def _awaits_more(self) -> bool:
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
        if self.transport.is_closing() or not self._awaits_more():
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


def _reason(error: BaseException) -> str:
    """What a callback of ours has raised below the parser, or the parser itself."""
    return str(error.__context__ or error)


def _is_not_told_by_us(record: logging.LogRecord) -> bool:
    return record.msg != "Invalid HTTP request received."


def protocol_class(timeout: float | None, told: Refusals) -> type[Any]:
    """The HTTP protocol to serve with: httptools' where it is installed, else h11's.

    Args:
        timeout: seconds for a request's head and between steps of its body; None: no limit.
        told: of what is answered below the application.
    """
    # Uvicorn's line has neither reason nor request id.
    logging.getLogger("uvicorn.error").addFilter(_is_not_told_by_us)
    if importlib.util.find_spec("httptools") is not None:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        from datarobot_drum.drum.fastapi.offers import DecliningMixin

        class FastProtocol(BoundedMixin, DecliningMixin, HttpToolsProtocol):
            header_timeout = timeout
            refusals = told

            def on_headers_complete(self) -> None:
                version = self.parser.get_http_version()
                if version != "1.1" and (
                    version != "1.0" or any(name == _CODING for name, _ in self.headers)
                ):
                    # Llhttp lets it pass; uvicorn takes it for what the parser has refused.
                    raise ValueError(f"not spoken here: HTTP {version}")
                super().on_headers_complete()

            def on_body(self, body: bytes) -> None:
                # Empty bytes become the piece itself; uvicorn's bytearray would copy it, twice.
                if not self.cycle.body:
                    self.cycle.body = b""  # type: ignore[assignment]
                super().on_body(body)

        return FastProtocol

    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PlainProtocol(BoundedMixin, H11Protocol):  # type: ignore[misc]
        header_timeout = timeout
        refusals = told

    return PlainProtocol
