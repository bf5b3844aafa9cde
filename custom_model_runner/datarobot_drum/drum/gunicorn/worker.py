"""Gunicorn's workers: they report when they are ready and end without losing a request."""

from __future__ import annotations

import contextlib
import errno
import math
import mmap
import os
import queue
import selectors
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from gunicorn.arbiter import Arbiter
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker
from gunicorn.workers.sync import SyncWorker

from datarobot_drum.drum.exceptions import SlowClientError
from datarobot_drum.drum.gunicorn.connection import Connection, Page, is_readable, sending_in_time
from datarobot_drum.drum.logs import handling
from datarobot_drum.drum.prediction.lane.streams import seconds_for_streams
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import AccessLog, Refusals
from datarobot_drum.drum.serving.balance import STEP_BACK
from datarobot_drum.drum.serving.family import end_with_parent
from datarobot_drum.drum.serving.listening import (
    ACCEPT_PAUSE,
    BACKLOG_LINGER,
    IDLE_LINGER,
    NOT_ACCEPTED,
    PORT_LOST,
    Port,
    cannot_listen,
)
from datarobot_drum.drum.serving.orders import leave_orders_to_parent
from datarobot_drum.drum.serving.signals import (
    Stopped,
    asked_to_end,
    left_to_parent,
    let_in,
    take_over,
)
from datarobot_drum.drum.serving.turned_away import TurnedAway
from datarobot_drum.drum.utils.failures import ending_process
from datarobot_drum.drum.utils.shortage import Complaint

# What a worker tells its arbiter.
_READY, _ENDING, _WITHOUT_MODEL = 1, 2, 4

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker as _Base
else:
    _Base = object


# The listener itself cannot be used any more.
_LASTING: Final = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)


class DrumWorkerMixin(_Base):  # type: ignore[misc]
    """What all worker classes share."""

    alive: bool
    # The arbiter's: whether it knows that this worker is ready, whether it replaces it, and when
    # it kills it.
    is_noted = False
    is_recycled = False
    deadline: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Made before the fork, so that the arbiter sees what the worker writes.
        self._shared = mmap.mmap(-1, 1)
        self.slot = self.app.board.new_slot()
        self._loading = False
        self._ports: list[Port] = []
        self._end: queue.SimpleQueue[None] | None = None
        self._complaint = Complaint(self.log.error_log, NOT_ACCEPTED)

    @property
    def is_ready(self) -> bool:
        """The model was loaded and connections accepted; true in the arbiter as well."""
        return bool(self._shared[0] & _READY)

    @property
    def is_ending(self) -> bool:
        """It is ready no more, told to end or not; true in the arbiter as well."""
        return bool(self._shared[0] & _ENDING)

    @property
    def has_model(self) -> bool:
        """What it answers is more than why it has none; true in the arbiter as well."""
        return not self._shared[0] & _WITHOUT_MODEL

    def init_process(self) -> None:
        # Until there are handlers of its own, a worker has those of the arbiter, which only take
        # note: the signal would be lost. There is nothing to finish yet.
        signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
        end_with_parent(self.ppid)
        let_in()
        super().init_process()

    def init_signals(self) -> None:
        super().init_signals()
        leave_orders_to_parent()
        # The arbiter tells its workers when it reopens its logs.
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGINT, left_to_parent)

    def _stand_signals(self) -> None:
        """The model is loaded: put the handlers back where user code has replaced them."""
        take_over(signal.SIGTERM, self.handle_exit)
        take_over(signal.SIGQUIT, self.handle_quit)
        take_over(signal.SIGINT, left_to_parent)
        # As gunicorn has it: no call of the model is interrupted.
        signal.siginterrupt(signal.SIGTERM, False)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loading:
            self.leave_loading()
            return
        asked_to_end(sig)
        if self.app.service is not None:
            self.app.service.is_draining = self.slot.all_end
        self._announce_end()

    def leave_loading(self) -> None:
        """Called by a signal's handler, wherever the main thread is."""
        raise Stopped

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """Answer what gunicorn's parser refuses: its own page would be HTML and repeat it."""
        current = routes.request_id(None)
        if isinstance(exc, SlowClientError):
            answer = routes.failure(exc.status, str(exc))
        else:
            page = Page()
            with handling(current):
                super().handle_error(req, page, addr, exc)
            answer = routes.not_http(page.status)
        refusals = Refusals(self.log.exchanges, self.app.service.metrics)
        try:
            write_nonblock(client, refusals.answer(answer, addr[0] if addr else "", current))
        except OSError:
            self.log.debug("The client did not wait for an error.")

    def load_wsgi(self) -> None:
        self._loading = True
        with_traceback = self.app.settings.show_stacktrace
        try:
            with ending_process(Arbiter.WORKER_BOOT_ERROR, with_traceback, unless=(Stopped,)):
                super().load_wsgi()
                self._stand_signals()
                self._open_port()
        except Stopped:
            sys.exit(0)
        finally:
            self._loading = False

    def run(self) -> None:
        self._shared[0] = _READY if self.app.service.has_model else _READY | _WITHOUT_MODEL
        with contextlib.suppress(ProcessLookupError):
            # Has no effect but to wake the arbiter, which may start the other workers now.
            os.kill(self.ppid, signal.SIGCHLD)
        self._ports = [Port(listener) for listener in self.sockets]
        # Made here: gevent has put its own in place by now.
        self._end = queue.SimpleQueue()
        self.log.exchanges = AccessLog()
        try:
            threading.Thread(target=self._end_streams, args=(self._end,), daemon=True).start()
        except RuntimeError as error:
            self.log.warning("Streams that still run at the end will be cut off: %s", error)
        try:
            super().run()
        finally:
            self.log.exchanges.flush()
            self.app.service.close()

    def _announce_end(self) -> None:
        # A signal handler may do this at any time: this queue's `put` is made for it.
        if self._end is not None:
            self._shared[0] |= _ENDING
            self._end.put(None)

    def _end_streams(self, end: queue.SimpleQueue[None]) -> None:
        """A thread's work: a worker may be busy with a stream until its very end."""
        end.get()
        time.sleep(seconds_for_streams(self.cfg.graceful_timeout))
        self.app.service.end_streams()

    def notify(self) -> None:
        super().notify()
        if not self.alive:
            # Not only signals end a worker: so does the number of its requests.
            self._announce_end()
        if self.alive and any(port.is_lost() for port in self._ports):
            self.log.error(PORT_LOST)
            self.alive = False
        service = self.app.service
        if self.alive and service is not None and service.is_stuck:
            self.log.error("A call of the model does not end: worker %s is replaced.", self.pid)
            self.alive = False

    def is_passing(self, error: BaseException) -> bool:
        """No connection was accepted, for a reason that is told, and will be gone: others give
        back what there is none left of.
        """
        if not isinstance(error, OSError) or error.errno in _LASTING:
            return False
        if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
            self._complaint.tell(error.strerror or str(error))
        return True

    def _open_port(self) -> None:
        for listener in self.sockets:
            try:
                listener.listen(self.cfg.backlog)
            except OSError as error:
                server = self.app.settings.server
                raise cannot_listen(error, server.host, server.port) from error

    def _waiting_connections(self) -> Iterator[Any]:
        """Listeners on which a connection waits, until none has come for a while.

        The kernel has accepted these connections: closing the port would reset them.
        """
        with selectors.DefaultSelector() as selector:
            for listener in self.sockets:
                selector.register(listener, selectors.EVENT_READ, listener)
            deadline = time.monotonic() + BACKLOG_LINGER
            for _ in range(self.cfg.backlog):
                ready = selector.select(max(deadline - time.monotonic(), 0))
                if not ready:
                    break
                for key, _ in ready:
                    yield key.data

    def _close_port(self) -> None:
        # At once, not when the last request has ended: newcomers are to be refused, not kept.
        for listener in self.sockets:
            listener.close()


class DrumThreadWorker(DrumWorkerMixin, ThreadWorker):  # type: ignore[misc]
    """A thread for each connection that has sent something: nobody waits for another's client,
    and status routes never wait for the model.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limit: float | None = self.app.settings.server.http.header_timeout
        # Connections that are kept open hold no thread, as many as there may be.
        self.max_keepalived = self.worker_connections
        self._turned_away: TurnedAway | None = None

    @staticmethod
    def check_config(cfg: Any, log: Any) -> None:
        """Gunicorn would warn that there are as many threads as connections."""

    def accept(self, listener: Any) -> None:
        self.slot.hold(self.nr_conns)
        if self.alive and not self.slot.goes_first():
            time.sleep(STEP_BACK)
        try:
            client, address = listener.accept()
        except OSError as error:
            if not self.is_passing(error):
                raise
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                time.sleep(ACCEPT_PAUSE)
            return
        self.nr_conns += 1
        self.slot.hold(self.nr_conns)
        self._start(Connection(self.cfg, client, address, listener.getsockname(), self._limit))

    def _start(self, connection: Connection) -> None:
        """Give the connection a thread when its first bytes are there."""
        if is_readable(connection.sock):
            connection.data_ready = True
            self.enqueue_req(connection)
            return
        limit = self._limit if self.alive else IDLE_LINGER
        connection.timeout = math.inf if limit is None else time.monotonic() + limit
        self.pending_conns.append(connection)
        ready = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, ready)

    def enqueue_req(self, conn: Connection) -> None:
        """Have a thread handle the connection, or turn it away where the system has none."""
        done: Future[Any] = Future()
        try:
            self.tpool.submit(self._handle_once, done, conn)
        except (RuntimeError, MemoryError) as error:
            # It waits for a thread nevertheless, and another one may have taken it by now.
            if done.cancel():
                self._turn_away(conn, error)
                return
        done.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def _handle_once(self, done: Future[Any], conn: Connection) -> None:
        if done.set_running_or_notify_cancel():
            keepalive = False
            try:
                keepalive = self.handle(conn)
            finally:
                done.set_result(keepalive)

    def _turn_away(self, conn: Connection, error: BaseException) -> None:
        if self._turned_away is None:
            refusals = Refusals(self.log.exchanges, self.app.service.metrics)
            self._turned_away = TurnedAway(refusals)
        self.nr_conns -= 1
        client = conn.client[0] if conn.client else ""
        self._turned_away.add(conn.sock, client, error, plain=not self.cfg.is_ssl)

    def murder_pending(self) -> None:
        super().murder_pending()
        if self._turned_away is not None:
            self._turned_away.look()

    def handle(self, conn: Connection) -> Any:
        keepalive = super().handle(conn)
        if not keepalive:
            conn.linger()
        return keepalive

    def handle_request(self, req: Any, conn: Connection) -> Any:
        conn.head_is_complete(req)
        with conn.sending_in_time(req):
            keepalive = super().handle_request(req, conn)
        conn.is_answered()
        return keepalive

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self._waiting_connections():
                self.accept(listener)
            self.slot.leave()
            self._close_port()
            self._hurry_silent()

    def _hurry_silent(self) -> None:
        """Connections on which nothing has come yet do not hold up the end."""
        latest = time.monotonic() + IDLE_LINGER
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, latest)


class _Address:
    """What the sync worker asks of a listener, when that is closed."""

    def __init__(self, listener: Any) -> None:
        self._name = listener.getsockname()

    def getsockname(self) -> Any:
        return self._name


class DrumSyncWorker(DrumWorkerMixin, SyncWorker):  # type: ignore[misc]
    """One request at a time."""

    def handle_request(self, listener: Any, req: Any, client: Any, addr: Any) -> None:
        limit = self.app.settings.server.http.header_timeout
        super().handle_request(listener, req, sending_in_time(req, client, limit, addr), addr)

    def accept(self, listener: Any) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            if not self.is_passing(error):
                raise
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                time.sleep(ACCEPT_PAUSE)
            # Gunicorn looks after itself then, and waits.
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error

    def run_for_one(self, timeout: float) -> None:
        super().run_for_one(timeout)
        accepted = []
        for listener in self._waiting_connections():
            with contextlib.suppress(BlockingIOError):
                accepted.append((_Address(listener), *listener.accept()))
        self._close_port()
        for address, client, client_address in accepted:
            client.setblocking(True)
            self.notify()
            self.handle(address, client, client_address)
