"""Gunicorn's log in this server's format: the request's id in each line, no secrets."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from datarobot_drum.drum import logs


class DrumLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, its handlers dressed like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            logs.dress(handler)
        for handler in self.access_log.handlers:
            if logs.writes_json():
                logs.dress(handler)
            else:
                handler.setFormatter(logs.TextFormatter("%(message)s"))

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        # ``dictConfig`` in user code disables every logger that it does not name. Who disables
        # this one alone means it.
        if self.access_log.disabled and self.error_log.disabled:
            self.access_log.disabled = False
        super().access(resp, req, environ, request_time)
