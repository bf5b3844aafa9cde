"""Gunicorn's gevent worker; importing this needs gevent."""

from __future__ import annotations

from typing import Any

from gevent import get_hub, getcurrent, select, sleep
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from datarobot_drum.drum.gunicorn.connection import SendingInTime, sending_in_time
from datarobot_drum.drum.gunicorn.worker import DrumWorkerMixin
from datarobot_drum.drum.serving.body import Leftover
from datarobot_drum.drum.serving.signals import Stopped


class _GeventSendingInTime(SendingInTime):
    at_once = False  # they always wait


class DrumGeventWorker(DrumWorkerMixin, GeventWorker):  # type: ignore[misc]
    """Greenlets. Connections that send nothing are dropped after a while."""

    def leave_loading(self) -> None:
        hub = get_hub()
        if getcurrent() is not hub:
            raise Stopped
        # Raised in gevent's own loop it would be printed, and the worker would go on.
        hub.parent.throw(Stopped)

    def run(self) -> None:
        """Gevent would print a traceback with each try to accept a connection."""
        hub = get_hub()
        print_error = hub.handle_error

        def handle_error(context: Any, kind: Any, value: Any, trace: Any) -> None:
            if not (isinstance(context, StreamServer) and self.is_passing(value)):
                print_error(context, kind, value, trace)

        hub.handle_error = handle_error
        super().run()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        try:
            # One client's many requests at once are no reason for others to wait.
            sleep(0)
            limit = self.app.settings.server.http.header_timeout
            timed = sending_in_time(req, sock, limit, addr, _GeventSendingInTime)
            super().handle_request(listener_name, req, timed, addr)
        except StopIteration:
            # The connection ends with this answer. Closed now, a client that still sends would
            # be reset before it has read it.
            Leftover(sock, sock.recv).drain()
            raise

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        super().handle_error(req, client, addr, exc)
        # As above.
        Leftover(client, client.recv).drain()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        limit = self.app.settings.server.gunicorn.first_byte_timeout
        if limit and not select.select([client], [], [], limit)[0]:
            client.close()
            return
        super().handle(listener, client, addr)
