"""Start, readiness, stop: what an operator sees of the three servers as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.servers.harness import (
    SERVER_TYPES,
    START_SECONDS,
    Server,
    eventually,
    free_port,
    is_refused,
    running_server,
    start_server,
)
from tests.servers.load import EXIT_NOW, WAIT_FOR_GATE, Load, rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
SEVERAL = ("gunicorn", "fastapi")
SERVERS_AND_WORKERS = [("flask", 1), *((name, count) for name in SEVERAL for count in (1, 4))]
REASON = "the weights are missing"
# Where a worker dies that has said nothing, the reason and the exit status are the server's own.
DIED_EARLY = {
    "gunicorn": ("Reason: A worker ended while it was starting.", 3),
    "fastapi": ("A worker process could not start (exit status 9): the server ends.", 1),
}


def workers_option(count: int) -> tuple[str, ...]:
    return ("--max-workers", str(count)) if count > 1 else ()


@pytest.mark.parametrize(("server_type", "workers"), SERVERS_AND_WORKERS)
def test_sigterm_under_load_answers_every_accepted_request(
    code_dir: Path, server_type: str, workers: int
) -> None:
    with running_server(code_dir, server_type, *REGRESSION, *workers_option(workers)) as server:
        load = Load(server.port).start()
        load.wait_for_answers()
        status = server.stop()
        load.join()

    assert status == 0
    assert load.lost == []
    assert set(load.answers) == {200}
    assert load.refused == 8


@pytest.mark.parametrize("worker_class", ["sync", "gevent"])
def test_gunicorns_other_worker_classes_answer_every_accepted_request(
    code_dir: Path, worker_class: str
) -> None:
    if worker_class == "gevent":
        pytest.importorskip("gevent")
    params = {"DRUM_GUNICORN_WORKER_CLASS": worker_class, "CUSTOM_MODEL_WORKERS": 2}
    with running_server(code_dir, "gunicorn", *REGRESSION, params=params) as server:
        load = Load(server.port).start()
        load.wait_for_answers()
        status = server.stop()
        load.join()

    assert status == 0
    assert load.lost == []
    assert set(load.answers) == {200}


@pytest.mark.parametrize("server_type", SEVERAL)
def test_sigterm_loses_no_request_on_a_kept_alive_connection(
    code_dir: Path, server_type: str
) -> None:
    params = {"DRUM_GUNICORN_KEEP_ALIVE": 5}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        load = Load(server.port, keep_alive=True).start()
        load.wait_for_answers()
        status = server.stop()
        load.join()

    assert status == 0
    assert load.lost == []
    assert set(load.answers) == {200}


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_new_connections_are_refused_while_a_running_request_ends(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    started, gate = tmp_path / "started", tmp_path / "gate"
    env = {"RUN_STARTED": str(started), "RUN_GATE": str(gate)}
    with running_server(code_dir, server_type, *REGRESSION, env=env) as server:
        answers: list[int] = []
        client = threading.Thread(
            target=lambda: answers.append(server.post("/predict/", WAIT_FOR_GATE)[0])
        )
        client.start()
        eventually(started.exists)
        server.signal(signal.SIGTERM)
        eventually(lambda: is_refused(server.port))
        running = server.process.poll() is None
        gate.touch()
        client.join(30)
        status = server.wait()

    assert running
    assert answers == [200]
    assert status == 0


@pytest.mark.parametrize(
    ("server_type", "workers"), [("gunicorn", 1), ("fastapi", 1), ("fastapi", 2)]
)
def test_a_request_that_does_not_end_is_cut_off_after_the_graceful_timeout(
    code_dir: Path, tmp_path: Path, server_type: str, workers: int
) -> None:
    started = tmp_path / "started"
    env = {"RUN_STARTED": str(started), "RUN_GATE": str(tmp_path / "never")}
    params = {"DRUM_GRACEFUL_TIMEOUT": 1, "CUSTOM_MODEL_WORKERS": workers}
    head = b"POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: "
    with (
        running_server(code_dir, server_type, *REGRESSION, env=env, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as client,
    ):
        client.sendall(head + b"%d\r\n\r\n%b" % (len(WAIT_FOR_GATE), WAIT_FOR_GATE))
        eventually(started.exists)
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("server_type", "status"), [("flask", 130), ("gunicorn", 0), ("fastapi", 0)]
)
def test_sigint_drains_and_ends_with_the_servers_own_status(
    code_dir: Path, server_type: str, status: int
) -> None:
    with running_server(code_dir, server_type, *REGRESSION) as server:
        load = Load(server.port).start()
        load.wait_for_answers()
        assert server.stop(signal.SIGINT) == status
        load.join()
        assert ("\nCtrl+C pressed, aborting drum\n" in server.stdout()) == (server_type == "flask")

    assert load.lost == []


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_signal_while_the_model_loads_ends_the_server_quietly(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    stop_while_loading(code_dir, tmp_path, server_type, {})


def test_a_signal_while_a_gevent_worker_loads_ends_the_server_quietly(
    code_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("gevent")
    params = {"DRUM_GUNICORN_WORKER_CLASS": "gevent"}
    stop_while_loading(code_dir, tmp_path, "gunicorn", params)


def stop_while_loading(
    code_dir: Path, tmp_path: Path, server_type: str, params: dict[str, str]
) -> None:
    env = {"LOAD_GATE": str(tmp_path / "gate")}
    with running_server(
        code_dir, server_type, *REGRESSION, env=env, params=params, wait=False
    ) as server:
        eventually((tmp_path / "gate.reached").exists)
        assert server.stop() == 0
        assert "Traceback" not in server.stderr()


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_connections_are_refused_until_the_model_is_loaded(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    gate = tmp_path / "gate"
    env = {"LOAD_GATE": str(gate)}
    with running_server(code_dir, server_type, *REGRESSION, env=env, wait=False) as server:
        eventually((tmp_path / "gate.reached").exists)
        refused = is_refused(server.port)
        gate.touch()
        server.wait_until_alive()
        status, _ = server.get("/readyz")

    assert refused
    assert status == 200


@pytest.mark.parametrize(("server_type", "workers"), SERVERS_AND_WORKERS)
def test_a_model_that_cannot_load_says_so_once_and_ends_the_server(
    code_dir: Path, server_type: str, workers: int
) -> None:
    env = {"LOAD_FAILS": str(code_dir)}
    server = start_server(code_dir, server_type, *REGRESSION, *workers_option(workers), env=env)
    status = server.wait(START_SECONDS)

    assert status not in (0, None)
    assert server.stderr().count(REASON) == 1
    assert "Traceback" not in server.stderr()
    assert server.stdout() == ""


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_worker_that_dies_while_loading_ends_the_server(code_dir: Path, server_type: str) -> None:
    env = {"LOAD_EXITS": str(code_dir)}
    server = start_server(code_dir, server_type, *REGRESSION, *workers_option(2), env=env)

    status = server.wait(START_SECONDS)
    reason, expected = DIED_EARLY[server_type]

    assert status == expected
    assert server.stderr().count(reason) == 1
    assert "Traceback" not in server.stderr()


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_killed_worker_loses_nothing_but_what_it_was_handling(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    started, gate = tmp_path / "started", tmp_path / "gate"
    env = {"RUN_STARTED": str(started), "RUN_GATE": str(gate)}
    three = workers_option(3)
    with (
        ThreadPoolExecutor(1) as pool,
        running_server(code_dir, server_type, *REGRESSION, *three, env=env) as server,
    ):
        eventually(lambda: len({answering_worker(server) for _ in range(30)}) == 3)
        before = set(server.workers())
        load = Load(server.port).start()
        load.wait_for_answers()
        running = pool.submit(server.post, "/predict/", WAIT_FOR_GATE)
        eventually(lambda: started.exists() and started.read_text())
        victim = min(before - {int(started.read_text())})
        held = kill_worker(server, victim)
        eventually(lambda: len(set(server.workers()) - {victim}) == 3)
        gate.touch()
        status, _ = running.result()
        (replacement,) = set(server.workers()) - before
        load.stop.set()
        load.join()
        eventually(lambda: answering_worker(server) == replacement)

    assert load.lost_from
    assert load.lost_from <= held
    assert len(load.lost) == len(load.lost_from)
    assert load.refused == 0
    assert set(load.answers) == {status} == {200}


def kill_worker(server: Server, pid: int) -> set[int]:
    """The clients' ports of the connections that this worker had accepted when it died."""
    os.kill(pid, signal.SIGSTOP)
    # It accepts nothing more now, so that what it holds can be told exactly.
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    held = {
        connection.raddr.port
        for connection in psutil.net_connections("tcp")
        if connection.pid == pid and connection.raddr and connection.laddr.port == server.port
    }
    os.kill(pid, signal.SIGKILL)
    return held


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_worker_that_its_model_ends_is_replaced_and_the_others_stay(
    code_dir: Path, server_type: str
) -> None:
    with running_server(code_dir, server_type, *REGRESSION, *workers_option(3)) as server:
        eventually(lambda: len(server.workers()) == 3)
        before = server.workers()
        status = post_until_the_connection_breaks(server)
        eventually(lambda: len(server.workers()) == 3 and server.workers() != before)
        after = server.workers()
        answers = [server.post("/predict/", rows(0))[0] for _ in range(10)]

    assert status is None
    assert len(set(before) & set(after)) == 2
    assert set(answers) == {200}


def post_until_the_connection_breaks(server: Server) -> int | None:
    """The status of a request whose hook ends the process: None, as nothing can answer."""
    try:
        status, _ = server.post("/predict/", EXIT_NOW)
    except OSError:
        return None
    return int(status)


def answering_worker(server: Server) -> int:
    _, body = server.post("/predict/", rows(0))
    return int(json.loads(body)["predictions"][0])


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_port_in_use_is_one_line_and_status_one(code_dir: Path, server_type: str) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = start_server(code_dir, server_type, *REGRESSION, port=port)
        status = server.wait(START_SECONDS)

    assert status == 1
    assert server.stderr() == (
        f"Cannot listen on 127.0.0.1:{port}: the port is in use by another program.\n"
    )


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_the_process_that_was_started_is_the_master(code_dir: Path, server_type: str) -> None:
    with running_server(code_dir, server_type, *REGRESSION) as server:
        pid = answering_worker(server)
        family = [server.process.pid, *server.workers()]

    assert pid in family
    assert len(family) == (1 if server_type == "flask" else 2)


def test_flask_serves_one_process_and_says_so(code_dir: Path) -> None:
    with running_server(code_dir, "flask", *REGRESSION, "--max-workers", "3") as server:
        assert server.workers() == []
        assert "one process" in server.stderr()
