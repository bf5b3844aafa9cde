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
