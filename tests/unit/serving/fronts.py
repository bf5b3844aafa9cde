"""Both applications in front of one service, without sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from starlette.testclient import TestClient

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.fastapi.app import create_app as create_fastapi
from datarobot_drum.drum.flask.app import create_app as create_flask
from datarobot_drum.drum.prediction.service import PredictionService
from datarobot_drum.drum.settings import ModelSettings, ServerSettings, Settings
from tests.contract.clients import Calls, FastApiClient, FlaskClient
from tests.unit.prediction.gated import GatedModel, gated_service

FRONTS = ("flask", "fastapi")

Extend = Callable[[Any], None]


@contextlib.contextmanager
def front(
    name: str, extend: Extend = lambda app: None, **server: Any
) -> Iterator[tuple[Calls, PredictionService, GatedModel]]:
    """A client of an application, the service behind it and its model, which answers at once.

    Args:
        extend: gets the application before it is used, as an extension's ``init_app`` does.
        server: fields of the server's settings.
    """
    settings = Settings(
        "server", ModelSettings("/opt/model", TargetType.REGRESSION), ServerSettings(**server)
    )
    service, model = gated_service()
    model.gate.set()
    app = create_flask(service, settings) if name == "flask" else create_fastapi(service, settings)
    extend(app)
    try:
        if name == "flask":
            yield FlaskClient(app), service, model
        else:
            with TestClient(app, raise_server_exceptions=False) as client:
                yield FastApiClient(client), service, model
    finally:
        service.close()
