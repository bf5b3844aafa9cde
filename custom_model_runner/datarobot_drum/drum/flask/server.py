"""Werkzeug's threaded server, made to end without losing a request."""

from __future__ import annotations

import contextlib
import errno
import io
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from datarobot_drum.drum import logs
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.flask.app import answering_failures
from datarobot_drum.drum.flask.chunked import ChunkedInput
from datarobot_drum.drum.flask.counted import CountedInput
from datarobot_drum.drum.flask.head import HeadError, read_head
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.lane.streams import seconds_for_streams
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import AccessLog, Exchange, Refusals
from datarobot_drum.drum.serving.body import CONTINUE, AskedFor, Leftover
from datarobot_drum.drum.serving.listening import (
    ACCEPT_PAUSE,
    BACKLOG_LINGER,
    IDLE_LINGER,
    NOT_ACCEPTED,
    PORT_LOST,
    Port,
    turn_newcomers_away,
)
from datarobot_drum.drum.serving.sending import send_all
from datarobot_drum.drum.serving.turned_away import TurnedAway
from datarobot_drum.drum.utils.shortage import Complaint

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logs.get_drum_logger("flask_server")

# Seconds: between two looks at the stop signal; for a TLS handshake.
POLL: Final = 0.1
SENT_KEY: Final = "drum.sent"
HANDSHAKE_TIMEOUT: Final = 10.0

Headers: TypeAlias = list[tuple[str, str]]


class _Rest(io.BufferedIOBase):
    """What is left of a connection's one request, for as long as that is read."""

    def __init__(self, source: io.BufferedIOBase, leftover: Leftover) -> None:
        self._source = source
        self._leftover = leftover

    def read(self, size: int | None = -1, /) -> bytes:
        return self._leftover.read(-1 if size is None else size)

    def close(self) -> None:
        self._source.close()


class SentInTime(io.BufferedIOBase):
    """Where answers are written: a client has to read them."""

    def __init__(self, connection: socket.socket, patience: float | None, client: str) -> None:
        self._connection = connection
        self._patience = patience
        self._client = client

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        send_all(self._connection, data, self._patience, self._client)
        return len(data)


class RequestHandler(WSGIRequestHandler):
    """One connection, which carries one request."""

    server: DrainingServer

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.inactivity)
        self.wfile = SentInTime(self.connection, self.server.patience, self.client_address[0])

    def parse_request(self) -> bool:
        """As strict as the other servers, where the standard library lets much pass."""
        self.command = self.path = ""
        self.request_version = "HTTP/1.1"
        self.close_connection = True
        self.started = time.perf_counter()
        try:
            head = read_head(self.raw_requestline, self.rfile)
        except EOFError:
            return False
        except HeadError as error:
            self.send_error(error.status, str(error))
            return False
        self.command, self.path, self.request_version = head.method, head.target, head.version
        self.headers = head.headers
        # Werkzeug would ask for every body: those that are refused, and of clients of HTTP/1.0,
        # which would take that for the answer.
        self.expected = self.headers.get("Expect", "") if head.expects_continue else ""
        del self.headers["Expect"]
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parser refuses; the standard library would repeat it in the status line."""
        client, current = self.client_address[0], routes.request_id(None)
        reason = message or HTTPStatus(code).phrase
        with logs.handling(current):
            logger.warning("Invalid request from %s: %s", client, reason)
        self.close_connection = True
        self.wfile.write(self.server.refusals.answer(routes.not_http(code), client, current))
        # It may go on for long: closed now, the client would be reset before it reads the answer.
        Leftover(self.connection, self.connection.recv).drain()

    def run_wsgi(self) -> None:
        self.server.mark_busy(self.request)
        self.status = 0
        try:
            super().run_wsgi()
        finally:
            # Without a status the client went away before there was an answer.
            if self.status:
                seconds = time.perf_counter() - self.started
                sent = self.environ.get(SENT_KEY, 0)
                self.server.access_log.add(
                    Exchange.of_wsgi(self.environ, self.status, sent, seconds)
                )
        body = self.environ["wsgi.input"]
        if isinstance(body, CountedInput) and not body.ended:
            self._leftover.drain()

    def make_environ(self) -> WSGIEnvironment:
        environ = super().make_environ()
        # Werkzeug takes what follows for a host, or makes one slash of several, which are no route.
        if self.path.startswith("//"):
            environ["PATH_INFO"] = f"//{environ['PATH_INFO'].lstrip('/')}"
        if environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = ChunkedInput(self.rfile)
        if self.expected:
            environ["HTTP_EXPECT"] = self.expected
            environ["wsgi.input"] = AskedFor(environ["wsgi.input"], self._ask_for_body)
        # From now on it is werkzeug that reads, what the application has left: gigabytes of it.
        self._leftover = Leftover(self.connection, self.rfile.read1)
        self.rfile = _Rest(self.rfile, self._leftover)
        return environ

    def _ask_for_body(self) -> None:
        self.wfile.write(CONTINUE)

    def send_response(self, code: int, message: str | None = None) -> None:
        """The status line, without the header that tells the server's version."""
        self.status = code
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())


class Counted:
    """A WSGI application whose answers' bytes are counted, and which sends none where there may
    be none, whatever an extension's layers return.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        environ[SENT_KEY] = 0
        is_empty = environ["REQUEST_METHOD"] == "HEAD"

        def start(status: str, headers: Headers, *failure: Any) -> Callable[[bytes], object]:
            nonlocal is_empty
            if status.startswith(routes.BODILESS):
                is_empty = True
                headers = [pair for pair in headers if pair[0].lower() not in routes.OF_A_BODY]
            return start_response(status, headers, *failure)

        pieces = self._app(environ, start)
        try:
            for piece in pieces:
                # The head goes out with the first piece.
                piece = b"" if is_empty else piece
                environ[SENT_KEY] += len(piece)
                yield piece
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()


class DrainingServer(ThreadedWSGIServer):
    """Serves a bound socket until it is told to stop, then answers what was accepted.

    Args:
        listener: bound, not listening yet; the server takes it over.
        tls: wraps each connection, on the connection's own thread.
        inactivity: seconds after which a silent connection is given up; None: never.
        patience: seconds in which a client has to take more of its answer; None: any number.
    """

    def __init__(
        self,
        listener: socket.socket,
        app: WSGIApplication,
        tls: ssl.SSLContext | None,
        inactivity: float | None,
        patience: float | None,
        access_log: AccessLog,
        metrics: Metrics,
    ) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(
            host, port, Counted(answering_failures(app)), RequestHandler, fd=listener.fileno()
        )
        listener.close()
        self.access_log = access_log
        self.refusals = Refusals(access_log, metrics)
        self._turned_away = TurnedAway(self.refusals)
        self._complaint = Complaint(logger, NOT_ACCEPTED)
        self.ssl_context = tls
        self.inactivity = inactivity
        self.patience = patience
        self._state = threading.Condition()
        # Accepted sockets, each with what the handler reads from: itself, or its TLS wrapping.
        self._open: dict[socket.socket, socket.socket] = {}
        self._busy: set[socket.socket] = set()

    def start(self, backlog: int) -> None:
        """Accept connections from now on.

        Raises:
            OSError: another program listens on the port since the socket was bound.
        """
        self.socket.listen(backlog)
        self.socket.setblocking(False)

    def serve_until(self, stop: Callable[[], bool]) -> None:
        """Raises:
        StartupError: user code has closed the socket, and nobody can come any more.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            port = Port(self.socket)
            while not stop():
                if port.is_lost():
                    raise StartupError(PORT_LOST)
                if selector.select(POLL):
                    self._accept()
                self._turned_away.look()

    def drain(
        self, seconds: float, end_streams: Callable[[], None], forced: Callable[[], bool]
    ) -> None:
        """Take what waits in the backlog, stop listening, wait for the running requests.

        Args:
            seconds: for running requests to finish.
            end_streams: called when these are nearly over.
            forced: ends the wait early when it is true.
        """
        turn_newcomers_away(self.socket)
        self._accept_rest()
        self.socket.close()
        self._turned_away.close()
        now = time.monotonic()
        for_streams = seconds_for_streams(seconds)
        self._wait_until_closed(now + min(IDLE_LINGER, for_streams), forced)
        self._hang_up_on_silent()
        if not self._wait_until_closed(now + for_streams, forced):
            end_streams()
        if not self._wait_until_closed(now + seconds, forced):
            logger.error("%d requests were still running at the end", len(self._open))

    def _accept_rest(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            deadline = time.monotonic() + BACKLOG_LINGER
            while (left := deadline - time.monotonic()) > 0:
                if selector.select(left):
                    self._accept()

    def _accept(self) -> None:
        try:
            request, address = self.get_request()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                self._complaint.tell(error.strerror or str(error))
                time.sleep(ACCEPT_PAUSE)
            return
        request.setblocking(True)
        with self._state:
            self._open[request] = request
        try:
            self.process_request(request, address)
        except (RuntimeError, MemoryError) as error:
            # The system has no thread for it: others will end.
            self._forget(request)
            self._turned_away.add(request, address[0], error, plain=self.ssl_context is None)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def _forget(self, request: socket.socket) -> None:
        with self._state:
            self._busy.discard(self._open.pop(request))
            self._state.notify_all()

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            connection = self._secured(request)
        except OSError as error:
            logger.debug("TLS handshake with %s failed: %s", client_address, error)
            return
        try:
            super().finish_request(connection, client_address)
        finally:
            if connection is not request:
                self.shutdown_request(connection)

    def _secured(self, request: socket.socket) -> socket.socket:
        if self.ssl_context is None:
            return request
        request.settimeout(HANDSHAKE_TIMEOUT)
        connection = self.ssl_context.wrap_socket(request, server_side=True)
        with self._state:
            self._open[request] = connection
        return connection

    def mark_busy(self, request: socket.socket) -> None:
        """A whole request head has come in: the connection is waited for."""
        with self._state:
            self._busy.add(request)

    def _wait_until_closed(self, deadline: float, forced: Callable[[], bool]) -> bool:
        with self._state:
            while self._open and not forced() and time.monotonic() < deadline:
                self._state.wait(POLL)
            return not self._open

    def _hang_up_on_silent(self) -> None:
        with self._state:
            for connection in set(self._open.values()) - self._busy:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
