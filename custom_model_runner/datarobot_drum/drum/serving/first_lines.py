"""The two lines that a server begins with: what is served where, and a command that asks it."""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import quote

from datarobot_drum import __version__
from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.prediction.introduction import Introduction
from datarobot_drum.drum.prediction.service import Service
from datarobot_drum.drum.serving.listening import shown
from datarobot_drum.drum.serving.routes import ROUTES
from datarobot_drum.drum.settings import EVERYWHERE, ServerSettings, Settings
from datarobot_drum.runtime_parameters import RuntimeParameters

# Where the token stands in the shell that started the server: it is never shown itself.
TOKEN_VARIABLE: Final = RuntimeParameters.namespaced_param_name("DRUM_AUTH_TOKEN")
_CLIENT_CERTIFICATE: Final = "client.pem"
_ROWS_FILE: Final = "rows.csv"
# Of addresses that stand for all of a machine: one of them.
_REACHED_AT: Final = {EVERYWHERE: "127.0.0.1", "::": "::1"}


def first_lines(settings: Settings, port: int, service: Service) -> list[str]:
    """One line about the server; one with a curl command, where there is a model to ask."""
    server, model = settings.server, service.introduce()
    front = server.service.server_type
    workers = 1 if front is ServerType.FLASK else server.processes.workers
    where = f"Serving on {_url(server, server.host, port)} with {front.value}"
    tail = f"{workers} worker{'s' * (workers > 1)}, drum {__version__}"
    if model is None:
        return [f"{where}: every request gets the reason why there is no model (513), {tail}"]
    return [
        f"{where}: model {model.name!r}, target type {model.target_type}, {tail}",
        f"Ask it: {_curl(server, port, model)}",
    ]


def _url(server: ServerSettings, host: str, port: int) -> str:
    scheme = "http" if server.tls.certfile is None else "https"
    return f"{scheme}://{shown(host, port)}{quote(server.url_prefix)}"


def _curl(server: ServerSettings, port: int, model: Introduction) -> str:
    example = model.example
    route = next(route.path for route in ROUTES if route.operation is example.operation)
    url = _url(server, _REACHED_AT.get(server.host, server.host), port)
    words = ["curl", shlex.quote(url + route)]
    if server.tls.certfile is not None:
        words += ["--cacert", shlex.quote(server.tls.certfile)]
        if server.tls.cert_reqs == "required":
            words += ["--cert", _CLIENT_CERTIFICATE]
    if server.access.auth_token is not None:
        words += ["-H", f'"Authorization: Bearer ${TOKEN_VARIABLE}"']
    words += ["-H", shlex.quote(f"Content-Type: {example.content_type}"), "--data-binary"]
    words.append(f"@{_ROWS_FILE}" if example.body is None else shlex.quote(example.body))
    return " ".join(words)
