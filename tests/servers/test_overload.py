"""Real servers with a model that is stuck: who waits, who is told, and who never notices."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers.harness import SERVER_TYPES, Server, eventually, running_server

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
STATUS_ROUTES = ("/", "/ping", "/livez", "/readyz", "/health/", "/info/", "/stats/", "/metrics")


class Stuck:
    """A server whose model runs until it is let go."""

    def __init__(self, server: Server, gate: Path, started: Path) -> None:
        self.server = server
        self._gate, self._started = gate, started
        self.pool = ThreadPoolExecutor(16)

    def occupy(self) -> None:
        """Send a request that stays in the model."""
        self.running = self.pool.submit(self.server.post, "/predict/", b"a\n-2\n", timeout=60)
        while not self._started.exists():
            pass

    def figures(self) -> dict[str, int]:
        found = json.loads(self.server.get("/stats/", timeout=30)[1])["executor_info"]
        assert isinstance(found, dict)
        return found

    def let_go(self) -> None:
        self._gate.touch()


@pytest.fixture(params=SERVER_TYPES)
def server_type(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def stuck(
    request: pytest.FixtureRequest, code_dir: Path, tmp_path: Path, server_type: str
) -> Iterator[Stuck]:
    gate, started = tmp_path / "gate", tmp_path / "started"
    env = {"RUN_GATE": str(gate), "RUN_STARTED": str(started)}
    with running_server(
        code_dir, server_type, *REGRESSION, env=env, params=request.param
    ) as server:
        stuck = Stuck(server, gate, started)
        try:
            yield stuck
        finally:
            stuck.let_go()
            stuck.pool.shutdown()


@pytest.mark.parametrize(
    "stuck", [{"DRUM_EXECUTOR_QUEUE_DEPTH": 2}], indirect=True, ids=["depth 2"]
)
def test_what_does_not_fit_is_told_at_once_and_status_routes_answer(stuck: Stuck) -> None:
    stuck.occupy()
    waiting = [stuck.pool.submit(stuck.server.post, "/predict/", b"a\n0\n") for _ in range(2)]
    while stuck.figures()["queue_depth"] < 2:
        pass
    connection = http.client.HTTPConnection("127.0.0.1", stuck.server.port, timeout=30)
    connection.request("POST", "/predict/", b"a\n0\n", {"Content-Type": "text/csv"})
    answer = connection.getresponse()
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert json.loads(answer.read())["message"].startswith("ERROR: The server is busy")
    connection.close()
    for path in STATUS_ROUTES:
        assert stuck.server.get(path)[0] == 200
    assert stuck.figures()["queue_full"] == 1
    assert not any(answer.done() for answer in waiting)
    stuck.let_go()
    assert [answer.result()[0] for answer in (stuck.running, *waiting)] == [200, 200, 200]


@pytest.mark.parametrize(
    "stuck", [{"DRUM_EXECUTOR_QUEUE_TIMEOUT": 0.2}], indirect=True, ids=["0.2 s"]
)
def test_whoever_waits_too_long_is_told_while_the_model_is_stuck(stuck: Stuck) -> None:
    stuck.occupy()
    status, body = stuck.server.post("/predict/", b"a\n0\n")
    assert status == 503
    assert b"waited too long" in body
    figures = stuck.figures()
    assert (figures["queue_timeout"], figures["queue_depth"], figures["workers_busy"]) == (1, 0, 1)
    stuck.let_go()
    assert stuck.running.result()[0] == 200


@pytest.mark.parametrize("stuck", [{"DRUM_CLIENT_REQUEST_TIMEOUT": 1}], indirect=True, ids=["1 s"])
def test_whoever_runs_too_long_is_told(stuck: Stuck) -> None:
    stuck.occupy()
    status, body = stuck.running.result()
    assert status == 504
    assert json.loads(body)["message"].startswith("ERROR: The prediction took longer than")
    assert stuck.figures()["request_timeout"] == 1
    stuck.let_go()
    assert stuck.server.post("/predict/", b"a\n0\n")[0] == 200


HEAD = b"POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
REQUEST = HEAD + b"Content-Length: 4\r\n\r\na\n0\n"


@pytest.mark.parametrize(
    "stuck", [{"DRUM_EXECUTOR_QUEUE_DEPTH": 2}], indirect=True, ids=["depth 2"]
)
def test_a_client_that_leaves_makes_room_for_another(stuck: Stuck) -> None:
    stuck.occupy()
    leaving = [socket.create_connection(("127.0.0.1", stuck.server.port)) for _ in range(2)]
    for client in leaving:
        client.sendall(REQUEST)
    eventually(lambda: stuck.figures()["queue_depth"] == 2)
    assert stuck.server.post("/predict/", b"a\n0\n")[0] == 503
    for client in leaving:
        client.close()
    eventually(lambda: stuck.figures()["queue_depth"] == 0)
    assert stuck.figures()["client_gone"] == 2
    waiting = stuck.pool.submit(stuck.server.post, "/predict/", b"a\n0\n")
    eventually(lambda: stuck.figures()["queue_depth"] == 1)
    stuck.let_go()
    assert [answer.result()[0] for answer in (stuck.running, waiting)] == [200, 200]
