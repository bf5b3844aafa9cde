"""What is set for gunicorn, as gunicorn's own settings."""

from __future__ import annotations

import importlib.util
import os
import ssl
from collections.abc import Callable
from typing import Any, Final

from datarobot_drum.drum.exceptions import SettingError, StartupError
from datarobot_drum.drum.gunicorn.tls import limit_handshake
from datarobot_drum.drum.serving.listening import shown
from datarobot_drum.drum.serving.routes import MAX_HEADERS, MAX_REQUEST_LINE
from datarobot_drum.drum.serving.tls import server_context
from datarobot_drum.drum.settings import ServerSettings, Settings

WORKER_CLASSES: Final = {
    "gthread": "datarobot_drum.drum.gunicorn.worker.DrumThreadWorker",
    "sync": "datarobot_drum.drum.gunicorn.worker.DrumSyncWorker",
    "gevent": "datarobot_drum.drum.gunicorn.gevent_worker.DrumGeventWorker",
}
# Seconds after which a worker that gives no sign of life is killed, on top of the time a
# request may take: the 504 has to be sent first, by the worker itself.
SILENCE_MARGIN: Final = 30
# In memory: a heartbeat file on a slow disk would make a healthy worker look dead.
_HEARTBEAT_DIR: Final = "/dev/shm"


def gunicorn_options(settings: Settings, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Gunicorn's settings, by gunicorn's names.

    Raises:
        SettingError: the worker class needs a missing package.
    """
    server, gunicorn = settings.server, settings.server.gunicorn
    _require_worker_class(gunicorn.worker_class)
    timeout = server.service.request_timeout
    options: dict[str, Any] = {
        "bind": shown(server.host, server.port),
        "workers": server.processes.workers,
        "worker_class": WORKER_CLASSES[gunicorn.worker_class],
        "worker_connections": gunicorn.worker_connections,
        "backlog": server.http.backlog,
        "timeout": timeout + SILENCE_MARGIN if timeout else 0,
        "graceful_timeout": server.http.graceful_timeout,
        "keepalive": gunicorn.keep_alive,
        "max_requests": gunicorn.max_requests,
        "max_requests_jitter": gunicorn.max_requests_jitter,
        "loglevel": gunicorn.log_level,
        "accesslog": "-",
        "logger_class": "datarobot_drum.drum.gunicorn.logger.DrumLogger",
        "limit_request_line": MAX_REQUEST_LINE,
        "limit_request_fields": MAX_HEADERS,
        # Gunicorn would take a path from whoever is on this machine.
        "forwarded_allow_ips": gunicorn.trusted_proxies or "",
        "control_socket_disable": True,
        "proc_name": "drum",
    }
    if gunicorn.worker_class == "gthread":
        options["threads"] = gunicorn.threads or gunicorn.worker_connections
    if os.access(_HEARTBEAT_DIR, os.W_OK):
        options["worker_tmp_dir"] = _HEARTBEAT_DIR
    if tls is not None:
        options["certfile"] = server.tls.certfile
        options["ssl_context"] = _tls_hook(server, tls)
    return options


def _tls_hook(server: ServerSettings, tls: ssl.SSLContext) -> Callable[..., ssl.SSLContext]:
    """Asked for the context: once by gevent, for each connection by other workers."""
    limit = server.http.header_timeout
    if server.gunicorn.worker_class != "gevent":
        limited = limit_handshake(tls, limit)
        return lambda _config, _default: limited
    # Its sockets need a context of gevent's own, which the worker's `ssl` makes.
    return lambda _config, _default: limit_handshake(server_context(server.tls) or tls, limit)


def require_gunicorn() -> None:
    """Raises:
    StartupError: gunicorn is not installed; the text says how to install it.
    """
    if importlib.util.find_spec("gunicorn") is None:
        raise StartupError(
            "The gunicorn server needs the package gunicorn."
            " Install it with: pip install 'custom-model-runner[gunicorn]'"
        )


def _require_worker_class(name: str) -> None:
    if name == "gevent" and importlib.util.find_spec("gevent") is None:
        raise SettingError(
            "DRUM_GUNICORN_WORKER_CLASS is gevent, but gevent is not installed."
            " Install it with: pip install gevent"
        )
