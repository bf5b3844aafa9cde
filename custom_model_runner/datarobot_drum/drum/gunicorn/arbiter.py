"""Gunicorn's arbiter: opens the port late, starts workers carefully, ends without loss."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.sock import TCP6Socket, TCPSocket

from datarobot_drum.drum.serving.backoff import Backoff
from datarobot_drum.drum.serving.crew import to_retire, to_start
from datarobot_drum.drum.serving.family import KILL_MARGIN
from datarobot_drum.drum.serving.listening import stop_listening, turn_newcomers_away
from datarobot_drum.drum.serving.orders import PRELOADED, Orders
from datarobot_drum.drum.serving.signals import held_back_over_fork

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datarobot_drum.drum.gunicorn.application import DrumApplication

DIED_EARLY = "A worker ended while it was starting."


class _Adopted:
    """Takes a bound socket as it is: the first worker that has loaded makes it listen."""

    def set_options(self, sock: socket.socket, bound: bool = False) -> socket.socket:
        sock.setblocking(False)
        sock.set_inheritable(True)
        return sock


class _AdoptedTCP(_Adopted, TCPSocket):  # type: ignore[misc]
    pass


class _AdoptedTCP6(_Adopted, TCP6Socket):  # type: ignore[misc]
    pass


class DrumArbiter(Arbiter):  # type: ignore[misc]
    """The master process.

    The first worker loads alone, so that a model that cannot be loaded says so once, and ends
    the server; the others start when one is ready. From then on a worker that dies before it is
    ready is followed by the next after a while.
    """

    app: DrumApplication

    def __init__(self, app: DrumApplication, orders: Orders) -> None:
        self._orders = orders
        super().__init__(app)

    def start(self) -> None:
        self._ending = False
        self._has_served = False
        self._backoff = Backoff()
        listener = self.app.listener
        kind = _AdoptedTCP6 if listener.family == socket.AF_INET6 else _AdoptedTCP
        address = listener.getsockname()
        self.LISTENERS = [kind(address, self.cfg, self.log, fd=listener.detach())]
        super().start()

    def manage_workers(self) -> None:
        while (worker := to_retire(self.num_workers, self._staying())) is not None:
            self.kill_worker(worker.pid, signal.SIGTERM)
        for _ in range(to_start(self.num_workers, self._staying(), self._backoff)):
            try:
                self.spawn_worker()
            except OSError as error:
                # The system has nothing left for another process.
                self._go_on_without("A worker", error.strerror)
                break

    def _staying(self) -> list[Any]:
        workers = self.WORKERS.values()
        return [each for each in workers if each.deadline is None and not each.is_ending]

    def spawn_worker(self) -> Any:
        # What the others are decides what the new one may be.
        self._note_ready(list(self.WORKERS.values()))
        with held_back_over_fork():
            return super().spawn_worker()

    def murder_workers(self) -> None:
        # Those that gunicorn carries out are not among them.
        self._orders.take()
        if any(worker.is_ready for worker in self.WORKERS.values()):
            self.app.announcement.tell()
        for worker in self.WORKERS.values():
            if not worker.is_ready:
                # Loading gives no sign of life, and may take longer than any request.
                worker.tmp.notify()
        super().murder_workers()
        self._kill_overdue()

    def _kill_overdue(self) -> None:
        for pid, worker in list(self.WORKERS.items()):
            if worker.is_ending:
                self._limit(worker)
            if worker.deadline is not None and worker.deadline < time.monotonic():
                self.log.error("Worker (pid:%s) did not end in time: killed.", pid)
                self.kill_worker(pid, signal.SIGKILL)

    def _limit(self, worker: Any) -> None:
        if worker.deadline is None:
            worker.deadline = time.monotonic() + self.cfg.graceful_timeout + KILL_MARGIN

    def kill_worker(self, pid: int, sig: int) -> None:
        if sig == signal.SIGTERM and pid in self.WORKERS:
            self._limit(self.WORKERS[pid])
        super().kill_worker(pid, sig)

    def reap_workers(self) -> None:
        known = dict(self.WORKERS)
        while not self._reaped_all():
            pass
        if self._ending:
            return
        self._note_ready(known.values())
        for worker in (worker for pid, worker in known.items() if pid not in self.WORKERS):
            worker.slot.leave()
            if not worker.is_ready and worker.deadline is None:
                self._go_on_without(f"Worker (pid:{worker.pid})", "see above")

    def _note_ready(self, workers: Iterable[Any]) -> None:
        for worker in workers:
            if worker.is_ready and not worker.is_noted:
                worker.is_noted = self._has_served = True
                self._note_model(worker)
                if self._backoff.is_failing:
                    # The worker listens itself, but may have done so before the port was closed.
                    self._listen()
                self._backoff.succeeded()

    def _note_model(self, worker: Any) -> None:
        self.app.has_loaded = self.app.has_loaded or worker.has_model
        if self.app.has_loaded:
            for pid, other in list(self.WORKERS.items()):
                if not other.has_model:
                    self.kill_worker(pid, signal.SIGTERM)

    def _listen(self) -> None:
        for listener in self.LISTENERS:
            listener.sock.listen(self.cfg.backlog)

    def _go_on_without(self, who: str, why: str | None) -> None:
        """A worker could not start.

        Raises:
            HaltServer: none ever could.
        """
        if not self._has_served:
            raise HaltServer(DIED_EARLY, self.WORKER_BOOT_ERROR)
        seconds = self._backoff.failed()
        self.log.error("%s could not start (%s): trying again in %.0f seconds.", who, why, seconds)
        if not any(other.is_ready for other in self._staying()):
            # Nobody knows for how long they would wait.
            for listener in self.LISTENERS:
                stop_listening(listener.sock)

    def _reaped_all(self) -> bool:
        """Gunicorn breaks off at a worker that ended with status 3 or 4: it could not boot.

        That is decided here, by what the worker said: a model may end a process that serves
        with any status.
        """
        try:
            super().reap_workers()
        except HaltServer:
            return False
        return True

    def handle_int(self) -> None:
        """Ctrl+C drains like SIGTERM; a second one does not wait."""
        raise StopIteration

    def handle_hup(self) -> None:
        if self.app.service is not None:
            self.log.warning(PRELOADED)
            return
        for worker in self.WORKERS.values():
            worker.is_recycled = True
        # What failed may have been mended.
        self._backoff.succeeded()

    def handle_usr2(self) -> None:
        self.log.warning("SIGUSR2 ignored: start a second server instead.")

    def stop(self, graceful: bool = True) -> None:
        self._ending = True
        self.app.board.end()
        for listener in self.LISTENERS:
            turn_newcomers_away(listener.sock)
        super().stop(graceful)
