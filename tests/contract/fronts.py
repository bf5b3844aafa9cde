"""The five ways to serve a folder: two applications in process, three servers as processes."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from datarobot_drum.drum.masking import hide_those_in
from tests.contract.clients import Calls, FastApiClient, FlaskClient, SocketClient
from tests.contract.folders import Folder

IN_PROCESS = ("flask", "fastapi")
SERVERS = ("flask-server", "gunicorn-server", "fastapi-server")
FRONTS = IN_PROCESS + SERVERS

Serve = Callable[[Folder], Calls]

# For what no server can change, where the start of many processes would take minutes.
in_process = pytest.mark.parametrize("front", IN_PROCESS, indirect=True, scope="module")


def every_front(names: Iterable[str] = FRONTS) -> list[Any]:
    """Parameters of ``front``; those that start processes are marked so."""
    return [
        name if name in IN_PROCESS else pytest.param(name, marks=pytest.mark.servers)
        for name in names
    ]


def only(*names: str) -> pytest.MarkDecorator:
    """For what only some fronts have."""
    return pytest.mark.parametrize("front", every_front(names), indirect=True, scope="module")


# For what needs a connection.
over_sockets = only(*SERVERS)


class Front:
    """Serves folders one way; each folder is loaded once."""

    def __init__(self, name: str, processes: ServerProcesses) -> None:
        self.name = name
        self._processes = processes
        self._applications: dict[Folder, Calls] = {}
        # With what the start has put there, the defaults of runtime parameters.
        self._variables: dict[Folder, Mapping[str, str]] = {}
        self._stack = ExitStack()
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
        if not self.in_process:
            return self._processes.serve(folder, self.server_type)
        # An application in process reads the test's own environment, while it runs too.
        self._environment.use(self._variables.get(folder, folder.environment))
        # Each test forgets what it hides.
        hide_those_in(folder.environment)
        if folder not in self._applications:
            start = in_process_flask if self.name == "flask" else in_process_fastapi
            self._applications[folder] = self._stack.enter_context(start(folder))
            self._variables[folder] = self._environment.changes()
        return self._applications[folder]

    def close(self) -> None:
        self._stack.close()
        self._environment.restore()
        # Every loaded folder has put itself there.
        sys.path[:] = self._path


class ServerProcesses:
    """Server processes that outlive a module: starting them is what takes time.

    At most ``limit`` run; the one that was not used for longest makes room.
    """

    def __init__(self, limit: int = 16) -> None:
        self._limit = limit
        self._running: OrderedDict[tuple[str, Folder], tuple[Calls, ExitStack]] = OrderedDict()
        self._lock = threading.Lock()
        # A server takes a moment to drain: nobody waits for it.
        self._pool = ThreadPoolExecutor(4)
        self._ending: list[Future[None]] = []

    def serve(self, folder: Folder, server_type: str) -> Calls:
        key = (server_type, folder)
        with self._lock:
            if key in self._running:
                self._running.move_to_end(key)
                return self._running[key][0]
        stack = ExitStack()
        client = stack.enter_context(server_process(folder, server_type))
        with self._lock:
            self._running[key] = (client, stack)
            while len(self._running) > self._limit:
                self._end_oldest()
        return client

    def close(self) -> None:
        while self._running:
            self._end_oldest()
        for ending in self._ending:
            ending.result()
        self._pool.shutdown()

    def _end_oldest(self) -> None:
        _, (_, stack) = self._running.popitem(last=False)
        self._ending.append(self._pool.submit(stack.close))


class Environment:
    """The variables of the folder that is being used; one folder at a time."""

    def __init__(self) -> None:
        self._before = dict(os.environ)

    def use(self, variables: Mapping[str, str]) -> None:
        self.restore()
        os.environ.update(variables)

    def changes(self) -> dict[str, str]:
        known = self._before
        return {name: value for name, value in os.environ.items() if known.get(name) != value}

    def restore(self) -> None:
        for name in set(os.environ) - set(self._before):
            # pytest keeps a variable of its own up to date.
            if name != "PYTEST_CURRENT_TEST":
                del os.environ[name]
        os.environ.update(self._before)


@contextmanager
def server_process(folder: Folder, server_type: str) -> Iterator[Calls]:
    from tests.servers.harness import running_server

    # Coverage would make each of them slower, to count what runs in process and in tests/servers.
    with running_server(
        folder.path,
        server_type,
        *folder.args,
        env=dict(folder.env),
        params=dict(folder.params),
        measured=False,
    ) as server:
        yield SocketClient(server.url, folder.prefix, server.stdout)


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
