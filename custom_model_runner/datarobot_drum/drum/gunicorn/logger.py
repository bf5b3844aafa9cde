"""Gunicorn's log in this server's format: the request's id in each line, no secrets; and the access
log, which is every server's.
"""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from datarobot_drum.drum import logs
from datarobot_drum.drum.serving.access_log import REQUEST_ID_KEY, AccessLog, Exchange


class DrumLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, its handlers dressed like all others.

    Attributes:
        exchanges: a worker's own; None in the arbiter, which answers nobody.
    """

    exchanges: AccessLog | None = None

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            logs.dress(handler)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """What the application has not seen is logged by who answers it."""
        if self.exchanges is not None and REQUEST_ID_KEY in environ:
            seconds = request_time.total_seconds()
            status = int(str(resp.status).partition(" ")[0])
            self.exchanges.add(Exchange.of_wsgi(environ, status, resp.sent, seconds))
