"""The Flask application as gunicorn's custom application."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from datarobot_drum.drum.serving.announcement import Announcement
from datarobot_drum.drum.serving.balance import LoadBoard
from datarobot_drum.drum.settings import Settings

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.service import Service


class DrumApplication(BaseApplication):  # type: ignore[misc]
    """Loads the model in each worker, unless it was loaded before the workers started.

    Args:
        options: gunicorn's settings by name; names that this gunicorn lacks are left out.
        listener: bound, not listening yet.
        service: loaded before the fork; None: each worker loads its own.
    """

    def __init__(
        self,
        settings: Settings,
        options: dict[str, Any],
        listener: socket.socket,
        service: Service | None = None,
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.service = service
        self.announcement = Announcement(settings, listener)
        # A worker has loaded the model: from then on those that cannot serve no error instead.
        self.has_loaded = False
        self.board = LoadBoard(settings.server.processes.workers)
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application; runs in the worker.

        Raises:
            StartupError: the model cannot be loaded.
        """
        from datarobot_drum.drum.assembly import load_app
        from datarobot_drum.drum.flask.app import answering_failures, create_app

        settings = self.settings.without_error_server() if self.has_loaded else self.settings
        app, self.service = load_app(settings, create_app, "custom_flask", self.service)
        self.announcement.prepare(self.service)
        return answering_failures(app)
