"""Worker processes on one socket: start, watch and replace them, and end them together.

It knows nothing of HTTP and imports nothing heavy: a worker starts as a small copy, and what
stays beside it is small as well. The first worker loads alone: a model that cannot be loaded
says so once, and the server ends. After that the rest start together, and nothing but a signal
ends the server: a worker that dies is replaced at once, and where its replacement dies before it
is ready, for want of memory perhaps, the next one is started after a while.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.knobs.serving import MAX_WORKERS
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving.backoff import Backoff
from datarobot_drum.drum.serving.balance import LoadBoard, Slot
from datarobot_drum.drum.serving.crew import to_retire, to_start
from datarobot_drum.drum.serving.family import KILL_MARGIN, end_with_parent, how_it_ended
from datarobot_drum.drum.serving.listening import stop_listening, turn_newcomers_away
from datarobot_drum.drum.serving.orders import PRELOADED, Orders, leave_orders_to_parent
from datarobot_drum.drum.serving.signals import (
    Stopped,
    StopSignals,
    held_back_over_fork,
    left_to_parent,
    let_in,
)
from datarobot_drum.drum.utils.failures import ending_process

logger = get_drum_logger("supervisor")

_READY: Final = b"R"
_READY_WITHOUT_MODEL: Final = b"E"
_RECYCLED: Final = b"W"
_FAILED: Final = b"F"


class Channel:
    """A worker's way to talk to its supervisor, single bytes through a pipe, and its slot.

    Attributes:
        supervisor: its process id, known before the fork: later it may be gone already.
        is_replacement: a worker has loaded the model before, so it can be loaded.
        has_model: what this worker answers is more than why it has none.
    """

    def __init__(
        self, descriptor: int, slot: Slot, supervisor: int, is_replacement: bool = False
    ) -> None:
        self._descriptor = descriptor
        self.slot = slot
        self.supervisor = supervisor
        self.is_replacement = is_replacement
        self.has_model = True

    def ready(self) -> None:
        """Connections are accepted now."""
        self._send(_READY if self.has_model else _READY_WITHOUT_MODEL)

    def recycled(self) -> None:
        """Replace me; I serve until the replacement is ready."""
        self._send(_RECYCLED)

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        """Tell that this worker failed within the block, and is about to say why."""
        if error is None or isinstance(error, Stopped):
            return
        # Uvicorn leaves so, and has said why, when an extension's start-up code failed.
        if not isinstance(error, SystemExit) or error.code:
            self._send(_FAILED)

    def _send(self, message: bytes) -> None:
        # Without a supervisor there is nobody to tell; the worker finds out by itself.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, message)


RunWorker = Callable[[Channel, StopSignals], None]


@dataclass(eq=False, slots=True)
class _Worker:
    pid: int
    channel: int
    slot: Slot
    is_ready: bool = False
    has_model: bool = True
    is_recycled: bool = False
    has_said_why: bool = False
    # When it is killed, on the monotonic clock. None: it was not told to end.
    deadline: float | None = None


class Supervisor:
    """Keeps ``count`` workers serving until a signal comes.

    Args:
        run_worker: called in each new process with its channel and signals; serves until a
            signal comes and returns.
        listener: shared by all workers, who listen with this backlog.
        orders: what else signals ask for.
        graceful_timeout: seconds that workers take at most to end.
        on_ready: called whenever a worker accepts connections.
        is_preloaded: workers share a model that is loaded already, and cannot load another.
    """

    def __init__(
        self,
        count: int,
        run_worker: RunWorker,
        listener: socket.socket,
        backlog: int,
        signals: StopSignals,
        orders: Orders,
        graceful_timeout: float,
        with_traceback: bool = False,
        on_ready: Callable[[], None] = lambda: None,
        is_preloaded: bool = False,
    ) -> None:
        self._count = count
        self._run_worker = run_worker
        self._listener = listener
        self._backlog = backlog
        self._signals = signals
        self._orders = orders
        self._is_preloaded = is_preloaded
        self._graceful_timeout = graceful_timeout
        self._with_traceback = with_traceback
        self._on_ready = on_ready
        self._workers: dict[int, _Worker] = {}
        self._board = LoadBoard(count)
        self._has_served = False
        self._has_loaded = False
        self._backoff = Backoff()
        self._failure: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def run(self) -> None:
        """Serve; returns when all workers have ended after a signal.

        Raises:
            StartupError: the first worker ended before it was ready, and has not said why.
            SystemExit: it has said why; or in a worker process, with its exit status.
        """
        self._listen_for_signals()
        while self._signals.first is None and self._failure is None:
            self._adjust()
            self._wait(self._seconds_to_next_act())
            self._kill_overdue()
            for order in self._orders.take():
                self._carry_out(order)
        self._stop()
        signal.set_wakeup_fd(-1)
        self._close()
        if self._failure is not None:
            raise self._failure

    # -- starting

    def _listen_for_signals(self) -> None:
        self._signals.serve()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        # A handler of its own, if an empty one, makes a child's end wake the selector.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)

    def _adjust(self) -> None:
        """Start and retire workers, so that there are as many as there should be."""
        while (worker := to_retire(self._count, self._staying())) is not None:
            self._tell_to_end(worker)
        for _ in range(to_start(self._count, self._staying(), self._backoff)):
            try:
                self._spawn()
            except OSError as error:
                self._could_not_start("A worker process", error.strerror)
                break

    def _staying(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.deadline is None]

    def _spawn(self) -> None:
        """Raises:
        OSError: the system has nothing left for another process.
        """
        reader, writer = os.pipe()
        slot = self._board.new_slot()
        supervisor = os.getpid()
        with held_back_over_fork():
            try:
                pid = os.fork()
            except OSError:
                os.close(reader)
                os.close(writer)
                raise
            if pid == 0:
                os.close(reader)
                self._be_worker(Channel(writer, slot, supervisor, self._has_loaded))
        os.close(writer)
        os.set_blocking(reader, False)
        self._workers[pid] = _Worker(pid, reader, slot)
        self._selector.register(reader, selectors.EVENT_READ, self._workers[pid])

    def _be_worker(self, channel: Channel) -> None:
        """The life of a worker process. Never returns."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, left_to_parent)
        leave_orders_to_parent()
        signals = StopSignals((signal.SIGTERM,))
        self._close()
        for sibling in self._workers.values():
            os.close(sibling.channel)
        end_with_parent(channel.supervisor)
        with (
            contextlib.suppress(Stopped),
            ending_process(None, self._with_traceback, unless=(Stopped, SystemExit)),
            channel,
        ):
            let_in()
            self._run_worker(channel, signals)
        sys.exit(0)

    def _close(self) -> None:
        self._wake_reader.close()
        self._wake_writer.close()
        self._selector.close()

    # -- watching

    def _seconds_to_next_act(self) -> float | None:
        """Until something is to be done that nobody tells of; None: no such thing."""
        if self._failure is not None:
            return 0.0
        now = time.monotonic()
        deadlines = [worker.deadline for worker in self._workers.values()]
        waits = [deadline - now for deadline in deadlines if deadline is not None]
        if self._backoff.seconds_left():
            waits.append(self._backoff.seconds_left())
        return max(min(waits), 0.0) if waits else None

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal, a message or the end of a worker, and take note of it."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
            else:
                self._read_messages(key.data)
        self._reap()

    def _read_messages(self, worker: _Worker) -> None:
        try:
            messages = os.read(worker.channel, 16)
        except BlockingIOError:
            return
        if not messages:
            self._selector.unregister(worker.channel)
        if _RECYCLED in messages:
            worker.is_recycled = True
        if _FAILED in messages:
            worker.has_said_why = True
        if _READY in messages or _READY_WITHOUT_MODEL in messages:
            worker.has_model = _READY in messages
            self._note_ready(worker)

    def _note_ready(self, worker: _Worker) -> None:
        worker.is_ready = self._has_served = True
        self._has_loaded = self._has_loaded or worker.has_model
        if self._has_loaded:
            for other in self._workers.values():
                if not other.has_model:
                    self._tell_to_end(other)
        if self._backoff.is_failing:
            # The worker listens itself, but may have done so before the port was closed.
            self._listener.listen(self._backlog)
        self._backoff.succeeded()
        self._on_ready()

    def _reap(self) -> None:
        """Take note of processes that ended; orphans too, when this is process 1."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self._workers.get(pid)
            if worker is not None:
                self._bury(worker, status)

    def _bury(self, worker: _Worker, status: int) -> None:
        self._forget(worker)
        if worker.deadline is not None or self._signals.first is not None:
            return
        how = how_it_ended(status)
        if worker.is_ready:
            logger.error("Worker process %d ended (%s): starting another.", worker.pid, how)
        elif worker.has_said_why and os.WIFEXITED(status) and not self._has_served:
            self._failure = SystemExit(os.waitstatus_to_exitcode(status))
        else:
            self._could_not_start(f"Worker process {worker.pid}", how)

    def _could_not_start(self, who: str, why: str | None) -> None:
        """Try again after a while, if any could ever."""
        if not self._has_served:
            text = f"A worker process could not start ({why}): the server ends."
            self._failure = StartupError(text)
            return
        seconds = self._backoff.failed()
        logger.error("%s could not start (%s): trying again in %.0f seconds.", who, why, seconds)
        if not any(other.is_ready for other in self._staying()):
            # Nobody knows for how long they would wait.
            stop_listening(self._listener)

    def _forget(self, worker: _Worker) -> None:
        with contextlib.suppress(KeyError):
            # Its last words may still be in the pipe.
            if self._selector.get_key(worker.channel):
                self._read_messages(worker)
            self._selector.unregister(worker.channel)
        os.close(worker.channel)
        worker.slot.leave()
        del self._workers[worker.pid]

    # -- orders

    def _carry_out(self, order: signal.Signals) -> None:
        if order is signal.SIGHUP:
            self._reload()
        elif order is signal.SIGTTIN:
            self._be_as_many(self._count + 1)
        elif order is signal.SIGTTOU:
            self._be_as_many(self._count - 1)
        else:
            logger.warning("%s has no effect.", order.name)

    def _reload(self) -> None:
        if self._is_preloaded:
            logger.warning(PRELOADED)
            return
        logger.info("SIGHUP: other workers, which load the model folder anew, replace these.")
        for worker in self._workers.values():
            worker.is_recycled = True
        # What failed may have been mended.
        self._backoff.succeeded()

    def _be_as_many(self, count: int) -> None:
        self._count = min(max(count, 1), MAX_WORKERS)
        logger.info("The number of workers is %d now.", self._count)

    # -- ending

    def _stop(self) -> None:
        self._board.end()
        turn_newcomers_away(self._listener)
        self._listener.close()
        for worker in self._workers.values():
            self._tell_to_end(worker)
        while self._workers and not self._signals.forced:
            self._wait(self._seconds_to_next_act())
            self._kill_overdue()
        for worker in list(self._workers.values()):
            os.kill(worker.pid, signal.SIGKILL)
            _, status = os.waitpid(worker.pid, 0)
            self._bury(worker, status)

    def _tell_to_end(self, worker: _Worker) -> None:
        if worker.deadline is None:
            worker.deadline = time.monotonic() + self._graceful_timeout + KILL_MARGIN
        # It is not reaped yet, so its id cannot be another process's by now.
        os.kill(worker.pid, signal.SIGTERM)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers.values()):
            if worker.deadline is not None and worker.deadline <= now:
                logger.error("Worker process %d did not end in time: killed.", worker.pid)
                worker.deadline = now + KILL_MARGIN
                os.kill(worker.pid, signal.SIGKILL)
