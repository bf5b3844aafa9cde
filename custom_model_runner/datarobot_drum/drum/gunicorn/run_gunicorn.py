"""Serve the Flask application with gunicorn, whose arbiter is this very process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from datarobot_drum.drum import telemetry
from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.gunicorn.config import gunicorn_options, require_gunicorn
from datarobot_drum.drum.preloading import with_shared_model
from datarobot_drum.drum.serving.listening import bind
from datarobot_drum.drum.serving.orders import Orders
from datarobot_drum.drum.serving.signals import Stopped, StopSignals
from datarobot_drum.drum.serving.tls import server_context
from datarobot_drum.drum.serving.tuning import prepare_process
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.utils.setup import setup_options

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.service import Service


def main_gunicorn() -> None:
    """Serve with the options of the command line until SIGTERM or SIGINT.

    Raises:
        SettingError: a runtime parameter cannot be used.
        StartupError: gunicorn is missing, the address cannot be used, or a model that is
            preloaded cannot be loaded.
        SystemExit: with gunicorn's exit status; in worker processes too.
    """
    # Until the arbiter has handlers of its own, which are not for all of them.
    signals, orders = StopSignals(), Orders()
    with contextlib.suppress(Stopped), telemetry.stopped_at_the_end():
        _serve(signals, orders)


def _serve(signals: StopSignals, orders: Orders) -> None:
    prepare_process()
    settings = Settings.from_options(setup_options(), ServerType.GUNICORN)
    require_gunicorn()
    tls = server_context(settings.server.tls)
    options = gunicorn_options(settings, tls)
    listener = bind(settings.server.host, settings.server.port)

    from datarobot_drum.drum.gunicorn.application import DrumApplication
    from datarobot_drum.drum.gunicorn.arbiter import DrumArbiter

    def serve(service: Service | None) -> None:
        signals.stand()
        # Returns never: the end is a `SystemExit` with gunicorn's exit status.
        DrumArbiter(DrumApplication(settings, options, listener, service), orders).run()

    # Gevent replaces the locks and queues that a model is served with, after the fork.
    can_share = settings.server.gunicorn.worker_class != "gevent"
    with_shared_model(settings, serve, can_share)
