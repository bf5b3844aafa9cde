"""Serve with FastAPI and uvicorn: a supervisor, which is this very process, and its workers."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from datarobot_drum.drum import telemetry
from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.fastapi.config import require_packages, uses_uvloop
from datarobot_drum.drum.fastapi.supervisor import Channel, Supervisor
from datarobot_drum.drum.preloading import with_shared_model
from datarobot_drum.drum.serving.announcement import Announcement
from datarobot_drum.drum.serving.listening import bind
from datarobot_drum.drum.serving.orders import Orders
from datarobot_drum.drum.serving.signals import Stopped, StopSignals
from datarobot_drum.drum.serving.tls import server_context
from datarobot_drum.drum.serving.tuning import prepare_process
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.utils.setup import setup_options

if TYPE_CHECKING:
    import ssl

    from datarobot_drum.drum.prediction.service import Service


def main_uvicorn() -> None:
    """Serve with the options of the command line until SIGTERM or SIGINT.

    Raises:
        SettingError: a runtime parameter cannot be used.
        StartupError: the address cannot be used or the model cannot be loaded.
        SystemExit: in worker processes.
    """
    signals, orders = StopSignals(), Orders()
    with contextlib.suppress(Stopped), telemetry.stopped_at_the_end():
        _serve(signals, orders)


def _serve(signals: StopSignals, orders: Orders) -> None:
    prepare_process()
    settings = Settings.from_options(setup_options(), ServerType.FASTAPI)
    require_packages()
    # Said at once, not by each worker.
    uses_uvloop(settings.server.fastapi.loop)
    tls = server_context(settings.server.tls)
    listener = bind(settings.server.host, settings.server.port)
    _supervise(settings, listener, tls, signals, orders)


def _supervise(
    settings: Settings,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    signals: StopSignals,
    orders: Orders,
) -> None:
    announcement = Announcement(settings, listener)

    def supervise(service: Service | None) -> None:
        def run_worker(channel: Channel, worker_signals: StopSignals) -> None:
            # Everything heavy is imported where the model is loaded: not in the supervisor.
            from datarobot_drum.drum.fastapi.worker import serve

            serve(
                settings,
                listener,
                tls,
                worker_signals,
                announcement,
                channel,
                service,
            )

        Supervisor(
            settings.server.processes.workers,
            run_worker,
            listener,
            settings.server.http.backlog,
            signals,
            orders,
            graceful_timeout=settings.server.fastapi.graceful_timeout,
            with_traceback=settings.show_stacktrace,
            on_ready=announcement.tell,
            is_preloaded=service is not None,
        ).run()

    with_shared_model(settings, supervise)
