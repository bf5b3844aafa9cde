"""Serve the Flask application with gunicorn, whose arbiter is this very process."""

from __future__ import annotations

import contextlib

from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.gunicorn.config import gunicorn_options, require_gunicorn
from datarobot_drum.drum.listening import bind
from datarobot_drum.drum.prediction.cells import shared_directory
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.signals import Stopped, StopSignals
from datarobot_drum.drum.tls import server_context
from datarobot_drum.drum.utils.setup import setup_options


def main_gunicorn() -> None:
    """Serve with the options of the command line until SIGTERM or SIGINT.

    Raises:
        SettingError: a runtime parameter cannot be used.
        StartupError: gunicorn is missing or the address cannot be used.
        SystemExit: with gunicorn's exit status; in worker processes too.
    """
    # Until the arbiter has handlers of its own.
    StopSignals()
    with contextlib.suppress(Stopped):
        _serve()


def _serve() -> None:
    settings = Settings.from_options(setup_options(), ServerType.GUNICORN)
    require_gunicorn()
    tls = server_context()
    options = gunicorn_options(settings, tls)
    listener = bind(settings.server.host, settings.server.port)

    from datarobot_drum.drum.gunicorn.application import DrumApplication

    with shared_directory():
        DrumApplication(settings, options, listener).run()
