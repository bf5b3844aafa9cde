"""Gunicorn's arbiter: opens the port late, starts workers carefully, ends without loss."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.sock import TCP6Socket, TCPSocket

from datarobot_drum.drum.serving.listening import turn_newcomers_away
from datarobot_drum.drum.serving.signals import held_back_over_fork

if TYPE_CHECKING:
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

    The first worker loads alone, so that a model that cannot be loaded says so once; the
    others start when one is ready. A worker that dies before it was ready ends the server:
    its replacement would die too.
    """

    app: DrumApplication

    def start(self) -> None:
        self._ending = False
        listener = self.app.listener
        kind = _AdoptedTCP6 if listener.family == socket.AF_INET6 else _AdoptedTCP
        address = listener.getsockname()
        self.LISTENERS = [kind(address, self.cfg, self.log, fd=listener.detach())]
        super().start()

    def spawn_workers(self) -> None:
        workers = list(self.WORKERS.values())
        wanted = self.num_workers if any(worker.is_ready for worker in workers) else 1
        for _ in range(wanted - len(workers)):
            self.spawn_worker()

    def spawn_worker(self) -> Any:
        with held_back_over_fork():
            return super().spawn_worker()

    def murder_workers(self) -> None:
        if any(worker.is_ready for worker in self.WORKERS.values()):
            self.app.announcement.tell()
        for worker in self.WORKERS.values():
            if not worker.is_ready:
                # Loading gives no sign of life, and may take longer than any request.
                worker.tmp.notify()
        super().murder_workers()

    def reap_workers(self) -> None:
        known = dict(self.WORKERS)
        while not self._reaped_all():
            pass
        if self._ending:
            return
        for worker in (worker for pid, worker in known.items() if pid not in self.WORKERS):
            worker.slot.leave()
            if not worker.is_ready:
                raise HaltServer(DIED_EARLY, self.WORKER_BOOT_ERROR)

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

    def handle_usr2(self) -> None:
        self.log.warning("SIGUSR2 ignored: start a second server instead.")

    def stop(self, graceful: bool = True) -> None:
        self._ending = True
        for listener in self.LISTENERS:
            turn_newcomers_away(listener.sock)
        super().stop(graceful)
