"""Slow clients, crowds and odd connections; and who is logged."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import select
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.servers.harness import SERVER_TYPES, Server, eventually, running_server
from tests.servers.load import WAIT_FOR_GATE, rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
PRODUCTION = ("gunicorn", "fastapi")
ONE_SECOND = {"DRUM_HEADER_TIMEOUT": 1}
HEAD = b"POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"


def talk(server: Server, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send the parts, then read until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    "sent",
    [HEAD, HEAD + b"Content-Length: 100\r\n\r\nseconds"],
    ids=["head", "body"],
)
@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_request_that_comes_too_slowly_is_answered_408(
    code_dir: Path, server_type: str, sent: bytes
) -> None:
    params = ONE_SECOND | {"DRUM_GUNICORN_KEEP_ALIVE": 5}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        answer = talk(server, sent)

    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    assert b"x-request-id: " in head.lower()
    assert json.loads(body) == {"message": "ERROR: The request did not arrive in time."}


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_head_without_an_end_is_answered_431(code_dir: Path, server_type: str) -> None:
    with (
        running_server(code_dir, server_type, *REGRESSION) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        answer, sent = b"", 0
        connection.sendall(HEAD + b"X-Endless: ")
        with contextlib.suppress(ConnectionError):
            while not select.select([connection], [], [], 0.01)[0]:
                sent += connection.send(b"x" * 8192)
            answer = connection.recv(65536)
        status, _ = server.get("/livez")

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert sent < 4 * 1024 * 1024
    assert status == 200


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_who_goes_on_sending_what_is_too_large_is_answered_and_left(
    code_dir: Path, server_type: str
) -> None:
    params = {"DRUM_MAX_UPLOAD_SIZE": 1000}
    with (
        running_server(code_dir, server_type, *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        answer = connection.recv(65536)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 500_000_000:
                sent += connection.send(b"x" * 65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    # What the kernel holds on the way counts too.
    assert sent < 100_000_000


def test_clients_that_stay_after_their_answer_keep_nobody_waiting(code_dir: Path) -> None:
    """On gunicorn, where the thread that accepts used to wait for each of them in turn."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            running_server(code_dir, "gunicorn", *REGRESSION, params=ONE_SECOND)
        )
        clients = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(30)]
        for client in clients:
            stack.enter_context(client).sendall(HEAD + b"Content-Length: 100\r\n\r\nseconds")
        for client in clients:
            assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
        assert server.get("/livez", timeout=20)[0] == 200


def test_after_an_early_answer_and_its_body_a_connection_is_as_good_as_any(code_dir: Path) -> None:
    table = b"a\n" + b"1\n" * 4_000_000
    token = b"Authorization: Bearer a-secret-long-enough\r\n"
    length = b"Content-Length: %d\r\n\r\n"
    params = {"DRUM_AUTH_TOKEN": "a-secret-long-enough"}
    with (
        running_server(code_dir, "fastapi", *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(HEAD + length % 100_000)
        early = connection.recv(65536)
        connection.sendall(b"x" * 100_000 + HEAD + token + length % len(table))
        connection.sendall(table)
        while b"HTTP/1.1 200 " not in early:
            piece = connection.recv(65536)
            assert piece, "closed without an answer"
            early += piece

    assert early.startswith(b"HTTP/1.1 401 ")


def test_a_large_body_behind_another_request_is_not_taken_for_a_leftover(code_dir: Path) -> None:
    table = b"a\n" + b"1\n" * 4_000_000
    request = HEAD + b"Content-Length: %d\r\n\r\n"
    with (
        running_server(code_dir, "fastapi", *REGRESSION) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(request % 4 + b"a\n1\n" + request % len(table))
        answers = connection.recv(65536)
        connection.sendall(table)
        while answers.count(b"HTTP/1.1 200 ") < 2:
            piece = connection.recv(65536)
            assert piece, "closed without an answer"
            answers += piece


@pytest.mark.parametrize("rest", [b"", b"Content-Length: 1000\r\n\r\n"], ids=["head", "body"])
@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_drop_now_and_then_does_not_keep_a_request_alive(
    code_dir: Path, server_type: str, rest: bytes
) -> None:
    with (
        running_server(code_dir, server_type, *REGRESSION, params=ONE_SECOND) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(HEAD + rest)
        connection.settimeout(0.2)
        eventually(lambda: drip(connection))


def drip(connection: socket.socket) -> bool:
    """Send another byte; whether the server has answered or hung up."""
    try:
        connection.sendall(b"a")
        return connection.recv(100).startswith(b"HTTP/1.1 408 ")
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("options", [{}, {"DRUM_GUNICORN_KEEP_ALIVE": 2}], ids=["close", "keep"])
@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_connection_that_sends_nothing_is_closed_without_an_answer(
    code_dir: Path, server_type: str, options: dict[str, int]
) -> None:
    with running_server(code_dir, server_type, *REGRESSION, params=ONE_SECOND | options) as server:
        assert talk(server) == b""


@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_slow_model_is_not_taken_for_a_slow_client(code_dir: Path, server_type: str) -> None:
    with running_server(code_dir, server_type, *REGRESSION, params=ONE_SECOND) as server:
        status, _ = server.post("/predict/", rows(2.5))

    assert status == 200


@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_large_body_in_steady_pieces_may_take_longer_than_the_timeout(
    code_dir: Path, server_type: str
) -> None:
    body = b"seconds\n" + b"0\n" * 4000
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    with running_server(code_dir, server_type, *REGRESSION, params=ONE_SECOND) as server:
        answer = talk(server, head, *pieces, pause=0.3)

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /pre", HEAD + b"Content-Length: 100\r\n\r\nseconds"],
    ids=["nothing", "half a head", "half a body"],
)
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_many_slow_clients_keep_nobody_waiting(
    code_dir: Path, server_type: str, sent: bytes
) -> None:
    # The server's patience outlasts the others': whoever waited for it would time out.
    params = {"DRUM_HEADER_TIMEOUT": 600, "DRUM_GUNICORN_KEEP_ALIVE": 600}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            running_server(code_dir, server_type, *REGRESSION, params=params)
        )
        for _ in range(200):
            client = socket.create_connection(("127.0.0.1", server.port), 30)
            stack.enter_context(client).sendall(sent)
        predicted = [server.post("/predict/", rows(0))[0] for _ in range(3)]
        alive, _ = server.get("/livez")

    assert (alive, predicted) == (200, [200, 200, 200])


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_idle_connections_do_not_hold_up_the_end(code_dir: Path, server_type: str) -> None:
    params = {"DRUM_HEADER_TIMEOUT": 600, "DRUM_GUNICORN_KEEP_ALIVE": 600}
    with (
        running_server(code_dir, server_type, *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30),
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as kept,
    ):
        kept.request("GET", "/livez")
        kept.getresponse().read()
        assert server.stop() == 0


@pytest.mark.parametrize("server_type", PRODUCTION)
def test_without_keep_alive_a_client_is_told_that_the_connection_ends(
    code_dir: Path, server_type: str
) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    params = {"DRUM_GUNICORN_KEEP_ALIVE": 0}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        answer = talk(server, request)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.lower().count(b"\r\nconnection: close\r\n") == 1


def test_what_is_not_http_is_answered_in_json(code_dir: Path) -> None:
    with running_server(code_dir, "fastapi", *REGRESSION) as server:
        answer = talk(server, b"what?\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert body == {"message": "ERROR: The request is not valid HTTP."}


def test_the_concurrency_limit_refuses_predictions_but_no_status_route(
    code_dir: Path, tmp_path: Path
) -> None:
    started, gate = tmp_path / "started", tmp_path / "gate"
    env = {"RUN_STARTED": str(started), "RUN_GATE": str(gate)}
    params = {"DRUM_UVICORN_LIMIT_CONCURRENCY": 1}
    with running_server(code_dir, "fastapi", *REGRESSION, env=env, params=params) as server:
        answers: list[int] = []
        client = threading.Thread(
            target=lambda: answers.append(server.post("/predict/", WAIT_FOR_GATE)[0])
        )
        client.start()
        eventually(started.exists)
        refused = talk(
            server, HEAD + b"Connection: close\r\nContent-Length: 10\r\n\r\nseconds\n0\n"
        )
        alive, _ = server.get("/livez")
        gate.touch()
        client.join(30)
        freed, _ = server.post("/predict/", rows(0))

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: " in refused
    assert b"\r\nx-drum-version: " in refused
    assert b'{"message":"ERROR: ' in refused
    assert (alive, answers, freed) == (200, [200], 200)


def test_a_second_ctrl_c_does_not_wait(code_dir: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    env = {"RUN_STARTED": str(started), "RUN_GATE": str(tmp_path / "never")}
    for options in ((), ("--max-workers", "2")):
        started.unlink(missing_ok=True)
        with running_server(code_dir, "fastapi", *REGRESSION, *options, env=env) as server:
            client = threading.Thread(target=lambda port=server.port: cut_off(port))
            client.start()
            eventually(started.exists)
            server.signal(signal.SIGINT)
            eventually(lambda port=server.port: cannot_connect(port))
            server.stop(signal.SIGINT, seconds=10)
            client.join(30)


def cut_off(port: int) -> None:
    """Ask for what never ends, and wait until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(HEAD + b"Content-Length: 11\r\n\r\nseconds\n-2\n")
        try:
            connection.recv(100)
        except ConnectionResetError:
            return


def cannot_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return True
    return False


LOG_LINE = re.compile(
    r'127\.0\.0\.1 - (\S+) \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(.*)" (\d+) (\d+)'
    r' "(.*)" "(.*)"'
)


@pytest.mark.parametrize("server_type", PRODUCTION)
def test_the_access_log_has_one_format(code_dir: Path, server_type: str) -> None:
    request = (
        b"GET /ping/?a=%22b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nReferer: http://r\r\n"
        b'User-Agent: agent "7"\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n'
    )
    with running_server(code_dir, server_type, *REGRESSION) as server:
        answer = talk(server, request)
        server.stop()
        lines = server.stdout().splitlines()

    size = str(len(answer.split(b"\r\n\r\n", 1)[1]))
    found = [match.groups() for line in lines if (match := LOG_LINE.match(line))]
    assert found == [
        ("user", "GET /ping/?a=%22b HTTP/1.1", "200", size, "http://r", r"agent \"7\"")
    ]


@pytest.mark.parametrize("server_type", PRODUCTION)
def test_a_model_that_configures_logging_leaves_the_access_log_alone(
    code_dir: Path, server_type: str
) -> None:
    configuring = "import logging.config\nlogging.config.dictConfig({'version': 1})\n"
    (code_dir / "custom.py").write_text(configuring + (code_dir / "custom.py").read_text())
    with running_server(code_dir, server_type, *REGRESSION) as server:
        assert server.get("/ping/")[0] == 200
        server.stop()
        lines = server.stdout().splitlines()

    assert [match[2] for line in lines if (match := LOG_LINE.match(line))] == [
        "GET /ping/ HTTP/1.1"
    ]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("server_type", PRODUCTION)
def test_the_access_log_holds_no_secret(code_dir: Path, server_type: str, as_json: bool) -> None:
    request = b"GET /livez?key=tell-nobody-of-it HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    params = {"DRUM_AUTH_TOKEN": "tell-nobody-of-it", "DRUM_JSON_LOGGING": as_json}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        assert talk(server, request).startswith(b"HTTP/1.1 200 ")
        server.stop()
        logged = server.stdout()

    assert "GET /livez?key=***** HTTP/1.1" in logged
    assert "tell-nobody" not in logged
