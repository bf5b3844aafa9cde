"""A client's connection, which has to bring its requests in time."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final

from gunicorn.http.errors import InvalidHeader, InvalidHTTPVersion, InvalidRequestMethod
from gunicorn.workers.gthread import TConn

from datarobot_drum.drum.exceptions import SlowClientError
from datarobot_drum.drum.serving.body import CONTINUE, MIN_PROGRESS, TOO_SLOW, AskedFor, Leftover
from datarobot_drum.drum.serving.sending import send_all

_SPOKEN: Final = ((1, 0), (1, 1))
_INTERIM: Final = b"HTTP/1.1 1"


class TimedSocket:
    """What a request is read from: a whole head within ``limit`` seconds, and then more of its
    body in each such period.

    Reading raises ``SlowClientError`` when it is late, and ends when nothing has come at all.
    """

    def __init__(self, connection: socket.socket, limit: float) -> None:
        self._connection = connection
        self._limit = limit
        self._in_head = True
        self._request: Any = None
        self._start_period()

    def await_body(self, request: Any) -> None:
        """``request`` is gunicorn's, whose head has come."""
        self._in_head = False
        self._request = request
        self._start_period()

    def _start_period(self) -> None:
        self._progress = 0
        self._end = time.monotonic() + self._limit

    def recv(self, size: int) -> bytes:
        while True:
            left = self._end - time.monotonic()
            data = self._recv_within(size, left) if left > 0 else None
            if data is not None:
                self._progress += len(data)
                return data
            if self._in_head and not self._progress:
                return b""
            if self._in_head or self._progress < MIN_PROGRESS:
                self._end_connection()
                raise SlowClientError(TOO_SLOW)
            self._start_period()

    def _end_connection(self) -> None:
        """Have the answer say so: nobody shall send another request after half of this one."""
        if self._request is not None:
            self._request.force_close()

    def _recv_within(self, size: int, seconds: float) -> bytes | None:
        self._connection.settimeout(seconds)
        try:
            return self._connection.recv(size)
        except TimeoutError:
            return None
        finally:
            # The answer may take as long as the client takes to read it.
            self._connection.settimeout(None)


class SendingInTime:
    """A client's connection while it is answered: the client has to read.

    Attributes:
        at_once: whether its sockets send what they can without waiting, if asked to: as a rule
            that is all, and no timer is needed.

    Args:
        limit: see ``send_all``.
        force_close: has this answer be the connection's last.
    """

    at_once: ClassVar[bool] = True

    def __init__(
        self, connection: Any, limit: float | None, address: Any, force_close: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._force_close = force_close
        self._client = address[0] if address else "a client"
        self._at_once = self.at_once and not isinstance(connection, ssl.SSLSocket)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, data: bytes) -> None:
        sent = 0
        if data[:10] == _INTERIM and data != CONTINUE:
            # No client takes it for the whole of an answer: the next one would become it.
            self._force_close()
        if self._at_once:
            with suppress(BlockingIOError):
                sent = self._connection.send(data, socket.MSG_DONTWAIT)
        if sent < len(data):
            send_all(self._connection, memoryview(data)[sent:], self._limit, self._client)


def sending_in_time(
    request: Any,
    connection: Any,
    limit: float | None,
    address: Any,
    kind: type[SendingInTime] = SendingInTime,
) -> SendingInTime:
    """Where a request is answered, whose head is looked at as the other servers do; its body is
    asked for by who wants it.

    Args:
        request: gunicorn's, of which the head has come.

    Raises:
        InvalidHeader, InvalidHTTPVersion, InvalidRequestMethod: what gunicorn's parser lets pass.
    """
    timed = kind(connection, limit, address, request.force_close)
    names = [name for name, _ in request.headers]
    if request.version not in _SPOKEN:
        raise InvalidHTTPVersion(request.version)
    if "HOST" not in names and request.version >= (1, 1):
        raise InvalidHeader("HOST", req=request)
    if names.count("AUTHORIZATION") > 1:
        raise InvalidHeader("AUTHORIZATION", req=request)
    if request.method == "CONNECT":
        raise InvalidRequestMethod("CONNECT")
    if request._expected_100_continue:
        request._expected_100_continue = False
        body, closes = request.body, request.must_close
        # Who is refused may send the body nevertheless, or may not.
        request.must_close = True

        def ask() -> None:
            request.body, request.must_close = body, closes
            timed.sendall(CONTINUE)

        request.body = AskedFor(body, ask)
    return timed


def is_readable(connection: socket.socket) -> bool:
    """Whether something has come, or the other side has closed; looks, and does not wait."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


class Connection(TConn):  # type: ignore[misc]
    """Gunicorn's connection over a ``TimedSocket``.

    Args:
        limit: seconds for a request's head and between steps of its body and of its answer; None:
            no limit.
    """

    def __init__(self, cfg: Any, client: Any, address: Any, server: Any, limit: float | None):
        super().__init__(cfg, client, address, server)
        self.sock: Any = self.sock
        self._limit = limit
        self._timed: TimedSocket | None = None

    def init(self) -> None:
        """Called before each request."""
        super().init()
        if self._limit is not None:
            self._timed = TimedSocket(self.sock, self._limit)
            self.parser.unreader.sock = self._timed

    def head_is_complete(self, request: Any) -> None:
        if self._timed is not None:
            self._timed.await_body(request)

    @contextmanager
    def sending_in_time(self, request: Any) -> Iterator[None]:
        connection: Any = self.sock
        self.sock = sending_in_time(request, connection, self._limit, self.client)
        try:
            yield
        finally:
            self.sock = connection

    def linger(self) -> None:
        """On the connection's own thread. Gunicorn's way stops the thread that accepts."""
        Leftover(self.sock, self.sock.recv).drain()

    def close(self, graceful: bool = False) -> None:
        super().close()

    def is_answered(self) -> None:
        """What is left of the body is thrown away; gunicorn has a limit of its own for that."""
        if self._timed is not None:
            self.parser.unreader.sock = self.sock


class Page:
    """Takes the error page that gunicorn writes, for the status that it has found."""

    status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.status = int(data.split(b" ", 2)[1])
