"""The five ways to serve a folder: two applications in process, three servers as processes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from tests.contract.clients import Calls, FastApiClient, FlaskClient, SocketClient
from tests.contract.folders import Folder

IN_PROCESS = ("flask", "fastapi")
SERVERS = ("flask-server", "gunicorn-server", "fastapi-server")
FRONTS = IN_PROCESS + SERVERS

Serve = Callable[[Folder], Calls]


class Front:
    """Serves folders one way; each folder is loaded once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._clients: dict[Folder, Calls] = {}
        self._started: list[ExitStack] = []
        self._environment = Environment()
        self._path = sys.path[:]

    @property
    def server_type(self) -> str:
        return self.name.removesuffix("-server")

    @property
    def in_process(self) -> bool:
        return self.name in IN_PROCESS

    def serve(self, folder: Folder) -> Calls:
        """A client of a server that has loaded the folder."""
        if self.in_process:
            # An application in process reads the test's own environment, while it runs too.
            self._environment.use(folder.environment)
        if folder not in self._clients:
            self._clients[folder] = self._start(folder)
        return self._clients[folder]

    def close(self) -> None:
        # Servers take a moment to drain: side by side.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ExitStack.close, self._started))
        self._environment.restore()
        self._clients.clear()
        # Every loaded folder has put itself there.
        sys.path[:] = self._path

    def _start(self, folder: Folder) -> Calls:
        self._started.append(ExitStack())
        start = {"flask": in_process_flask, "fastapi": in_process_fastapi}.get(self.name)
        server = start(folder) if start else server_process(folder, self.server_type)
        return self._started[-1].enter_context(server)


class Environment:
    """The variables of the folder that is being used; one folder at a time."""

    def __init__(self) -> None:
        self._before = dict(os.environ)

    def use(self, variables: Mapping[str, str]) -> None:
        self.restore()
        os.environ.update(variables)

    def restore(self) -> None:
        for name in set(os.environ) - set(self._before):
            # pytest keeps a variable of its own up to date.
            if name != "PYTEST_CURRENT_TEST":
                del os.environ[name]
        os.environ.update(self._before)


@contextmanager
def server_process(folder: Folder, server_type: str) -> Iterator[Calls]:
    from tests.servers.harness import running_server

    with running_server(
        folder.path, server_type, *folder.args, env=dict(folder.env), params=dict(folder.params)
    ) as server:
        yield SocketClient(server.url, folder.prefix)


@contextmanager
def in_process_flask(folder: Folder) -> Iterator[Calls]:
    from datarobot_drum.drum.flask.app import create_app

    with application(folder, "flask", create_app, "custom_flask") as app:
        yield FlaskClient(app, folder.prefix)


@contextmanager
def in_process_fastapi(folder: Folder) -> Iterator[Calls]:
    from starlette.testclient import TestClient

    from datarobot_drum.drum.fastapi.app import create_app

    with (
        application(folder, "fastapi", create_app, "custom_fastapi") as app,
        TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client,
    ):
        yield FastApiClient(client, folder.prefix)


@contextmanager
def application(
    folder: Folder, server: str, create_app: Callable[..., Any], extension: str
) -> Iterator[Any]:
    """The application as the launchers build it, from the same words on the command line."""
    from datarobot_drum.drum.assembly import build_app, build_service
    from datarobot_drum.drum.enum import ServerType
    from datarobot_drum.drum.settings import Settings
    from datarobot_drum.drum.utils.setup import setup_options

    argv = ["drum", "server", "--code-dir", str(folder.path), "--address", "127.0.0.1:0"]
    with own_logging(), patch.object(sys, "argv", [*argv, *folder.args]):
        settings = Settings.from_options(setup_options(), ServerType(server))
        app, service = build_app(build_service(settings), settings, create_app, extension)
    try:
        yield app
    finally:
        service.close()


@contextmanager
def own_logging() -> Iterator[None]:
    """Keep the handlers of the test run: start-up puts its own in their place."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
