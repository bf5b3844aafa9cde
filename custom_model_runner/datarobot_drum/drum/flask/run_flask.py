"""Serve with Werkzeug in this process: one process, a thread for each connection."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Final

from datarobot_drum.drum import telemetry
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.figures.shared_directory import shared_directory
from datarobot_drum.drum.serving.announcement import Announcement
from datarobot_drum.drum.serving.listening import bind, cannot_listen
from datarobot_drum.drum.serving.orders import Orders
from datarobot_drum.drum.serving.signals import Stopped, StopSignals
from datarobot_drum.drum.serving.tls import server_context
from datarobot_drum.drum.serving.tuning import prepare_process
from datarobot_drum.drum.settings import Settings

logger = get_drum_logger("run_flask")

EXIT_INTERRUPTED: Final = 130
INTERRUPTED: Final = "\nCtrl+C pressed, aborting drum\n"
ONE_PROCESS: Final = (
    "The flask server runs one process, not %d."
    " Set DRUM_SERVER_TYPE to gunicorn or fastapi for several workers."
)

NO_EFFECT: Final = "%s has no effect: the flask server has no workers."


def run_flask(settings: Settings) -> None:
    """Load the model, serve until SIGTERM or SIGINT, and answer what was accepted.

    Raises:
        StartupError: the address cannot be used or the model cannot be loaded.
        SettingError: a TLS parameter cannot be used.
        SystemExit: 130 after SIGINT.
    """
    signals, orders = StopSignals(), Orders()
    with contextlib.suppress(Stopped), telemetry.stopped_at_the_end(), shared_directory(False):
        _serve(settings, signals, orders)
    if signals.first is signal.SIGINT:
        sys.stdout.write(INTERRUPTED)
        sys.stdout.flush()
        raise SystemExit(EXIT_INTERRUPTED)


def _serve(settings: Settings, signals: StopSignals, orders: Orders) -> None:
    prepare_process()
    server = settings.server
    if server.processes.workers > 1:
        logger.warning(ONE_PROCESS, server.processes.workers)
    tls = server_context(server.tls)
    listener = bind(server.host, server.port)
    announcement = Announcement(settings, listener)

    from datarobot_drum.drum.assembly import load_app
    from datarobot_drum.drum.flask.app import create_app
    from datarobot_drum.drum.flask.server import DrainingServer
    from datarobot_drum.drum.serving.access_log import AccessLog

    app, service = load_app(settings, create_app, "custom_flask")
    announcement.prepare(service)
    access_log = AccessLog()
    wsgi = DrainingServer(
        listener,
        app,
        tls,
        server.service.request_timeout,
        server.http.header_timeout,
        access_log,
        service.metrics,
    )
    try:
        wsgi.start(server.http.backlog)
    except OSError as error:
        raise cannot_listen(error, server.host, server.port) from error
    signals.serve()
    announcement.tell()

    def is_told_to_end() -> bool:
        for order in orders.take():
            logger.warning(NO_EFFECT, order.name)
        return signals.first is not None

    wsgi.serve_until(is_told_to_end)
    service.is_draining = lambda: True
    wsgi.drain(server.http.graceful_timeout, service.end_streams, lambda: signals.forced)
    access_log.flush()
    service.close()
