"""Workers that die, cannot start, cannot end, or lose the process that started them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from pathlib import Path

import psutil
import pytest

from tests.servers.harness import (
    START_SECONDS,
    Server,
    eventually,
    is_refused,
    running_server,
)
from tests.servers.load import EXIT_NOW, WAIT_FOR_GATE, rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
SUPERVISED = ("gunicorn", "fastapi")
TRYING_AGAIN = re.compile(r"could not start.*: trying again in (\d+) seconds")
# Megabytes that only a supervisor holds.
MOST_MEMORY = 12


def predicts(server: Server) -> bool:
    try:
        return server.post("/predict/", rows(0))[0] == 200
    except OSError:
        return False


def replaced(server: Server, pid: int) -> bool:
    return pid not in server.workers() and predicts(server)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def waits(server: Server) -> list[int]:
    """Seconds until the next attempt to start a worker, as the log tells them."""
    return [int(found) for found in TRYING_AGAIN.findall(server.stderr())]


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_the_only_worker_is_replaced_however_it_ends(code_dir: Path, server_type: str) -> None:
    # Its model ends it, or a signal for which nobody has a handler.
    ways = (None, signal.SIGXCPU)
    with running_server(code_dir, server_type, *REGRESSION) as server:
        for way in ways:
            (worker,) = server.workers()
            if way is None:
                with pytest.raises(OSError):  # noqa: PT011 (as timing has it)
                    server.post("/predict/", EXIT_NOW)
            else:
                os.kill(worker, way)
            eventually(lambda pid=worker: replaced(server, pid))
        log = server.stderr()
        status = server.stop()

    assert status == 0
    assert "SIGXCPU" in log


def test_a_supervisor_is_small(code_dir: Path) -> None:
    with running_server(code_dir, "fastapi", *REGRESSION, measured=False) as server:
        supervisor = psutil.Process(server.process.pid)
        own = supervisor.memory_full_info().uss / 1e6
        maps = Path(f"/proc/{supervisor.pid}/maps").read_text()

    assert own < MOST_MEMORY
    assert not [name for name in ("numpy", "pandas", "uvloop", "_ssl") if name in maps]


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_a_worker_that_cannot_be_replaced_leaves_the_others_serving(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    broken = tmp_path / "broken"
    two = ("--max-workers", "2")
    with running_server(
        code_dir, server_type, *REGRESSION, *two, env={"LOAD_EXITS": str(broken)}
    ) as server:
        eventually(lambda: len(set(map(predicting, [server] * 20))) == 2)
        victim, survivor = server.workers()
        broken.touch()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(waits(server)) == 2)
        answers = {predicting(server) for _ in range(5)}
        broken.unlink()
        eventually(lambda: len(set(map(predicting, [server] * 20))) == 2)
        told = waits(server)
        status = server.stop()

    assert answers == {survivor}
    assert told[:2] == [1, 2]
    assert status == 0


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_no_worker_answers_with_its_error_beside_one_that_has_the_model(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    broken = tmp_path / "broken"
    args = (*REGRESSION, "--max-workers", "2", "--with-error-server")
    broken.touch()
    with running_server(code_dir, server_type, *args, env={"LOAD_FAILS": str(broken)}) as server:
        eventually(lambda: server.stderr().count("the weights are missing") == 2)
        first = server.post("/predict/", rows(0))[0]
        broken.unlink()
        # One that is ended is replaced by one that loads, and this puts an end to the other.
        failed = server.workers()
        os.kill(failed[0], signal.SIGKILL)
        eventually(lambda: not {*failed} & {*server.workers()} and predicts(server))
        eventually(lambda: len(set(map(predicting, [server] * 20))) == 2)
        victim, survivor = server.workers()
        broken.touch()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(waits(server)) == 2)
        answers = {predicting(server) for _ in range(5)}

    assert first == 513
    assert answers == {survivor}


def predicting(server: Server) -> int:
    """The worker that answered."""
    status, body = server.post("/predict/", rows(0))
    assert status == 200
    return int(float(re.findall(rb"[\d.]+", body)[0]))


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_without_any_worker_connections_are_refused_until_one_can_start(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    broken = tmp_path / "broken"
    with running_server(
        code_dir, server_type, *REGRESSION, env={"LOAD_EXITS": str(broken)}
    ) as server:
        for recovers in (True, False):
            attempts = len(waits(server))
            broken.touch()
            os.kill(server.workers()[0], signal.SIGKILL)
            eventually(lambda seen=attempts: len(waits(server)) > seen)
            assert is_refused(server.port)
            if recovers:
                broken.unlink()
                eventually(lambda: predicts(server))
        # It waits for the time of the next attempt.
        status = server.stop()

    assert status == 0


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_a_worker_that_loads_ends_with_its_supervisor(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    end_supervisor_while_loading(code_dir, tmp_path, server_type, {})


def end_supervisor_while_loading(
    code_dir: Path, tmp_path: Path, server_type: str, params: dict[str, str]
) -> None:
    env = {"LOAD_GATE": str(tmp_path / "gate")}
    with running_server(
        code_dir, server_type, *REGRESSION, env=env, params=params, wait=False
    ) as server:
        eventually((tmp_path / "gate.reached").exists)
        (worker,) = server.workers()
        server.signal(signal.SIGKILL)
        server.process.wait()
        try:
            eventually(lambda: is_gone(worker))
            # The port is free again.
            socket.create_server(("127.0.0.1", server.port)).close()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("worker_class", ["sync", "gevent"])
def test_gunicorns_other_workers_end_with_their_supervisor_too(
    code_dir: Path, tmp_path: Path, worker_class: str
) -> None:
    pytest.importorskip("gevent" if worker_class == "gevent" else "gunicorn")
    params = {"DRUM_GUNICORN_WORKER_CLASS": worker_class}
    end_supervisor_while_loading(code_dir, tmp_path, "gunicorn", params)


BLOCKING = """
import os
import time

def init_app(app):
    @app.get("/block")
    async def block():
        open(os.environ["RUN_STARTED"], "w").close()
        time.sleep(3600)
"""


def test_a_retired_worker_that_cannot_end_is_killed(code_dir: Path, tmp_path: Path) -> None:
    (code_dir / "custom_fastapi.py").write_text(BLOCKING)
    gate, started = tmp_path / "gate", tmp_path / "started"
    env = {"LOAD_GATE": str(gate), "RUN_STARTED": str(started)}
    params = {"DRUM_UVICORN_MAX_REQUESTS": 1, "DRUM_GRACEFUL_TIMEOUT": 1}
    gate.touch()
    with running_server(code_dir, "fastapi", *REGRESSION, env=env, params=params) as server:
        (worker,) = server.workers()
        gate.unlink()
        assert predicts(server)
        # It serves until its replacement is ready.
        eventually(lambda: len(server.workers()) == 2)
        client = threading.Thread(target=ask_and_be_cut_off, args=(server, "/block"))
        client.start()
        eventually(started.exists)
        gate.touch()
        eventually(lambda: worker not in server.workers())
        client.join()
        alive = server.process.poll() is None
        log = server.stderr()

    assert alive
    assert f"Worker process {worker} did not end in time: killed." in log


def test_a_retired_gunicorn_worker_whose_model_never_ends_is_replaced(
    code_dir: Path, tmp_path: Path
) -> None:
    env = {"RUN_STARTED": str(tmp_path / "started"), "RUN_GATE": str(tmp_path / "never")}
    # The time for a request is what gunicorn kills a silent worker by: without one it never does.
    params = {
        "DRUM_GUNICORN_MAX_REQUESTS": 1,
        "DRUM_GRACEFUL_TIMEOUT": 1,
        "DRUM_CLIENT_REQUEST_TIMEOUT": 0,
    }
    with running_server(code_dir, "gunicorn", *REGRESSION, env=env, params=params) as server:
        (worker,) = server.workers()
        with pytest.raises(OSError):  # noqa: PT011 (as timing has it)
            server.post("/predict/", WAIT_FOR_GATE, timeout=START_SECONDS)
        # It ends by itself, or is killed.
        eventually(lambda: replaced(server, worker))


def test_a_gunicorn_worker_that_cannot_end_is_killed(code_dir: Path) -> None:
    # The time for a request is what gunicorn kills a silent worker by: without one it never does.
    params = {"DRUM_GRACEFUL_TIMEOUT": 1, "DRUM_CLIENT_REQUEST_TIMEOUT": 0}
    with running_server(code_dir, "gunicorn", *REGRESSION, params=params) as server:
        (worker,) = server.workers()
        os.kill(worker, signal.SIGSTOP)
        server.signal(signal.SIGHUP)
        eventually(lambda: replaced(server, worker))
        log = server.stderr()

    assert f"Worker (pid:{worker}) did not end in time: killed." in log


def ask_and_be_cut_off(server: Server, path: str) -> None:
    with contextlib.suppress(OSError):
        server.get(path, timeout=START_SECONDS)


CLOSING = """
import os
import socket

import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    if data.iloc[0, 0] == -1:
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                found = socket.SocketType(fileno=os.dup(int(descriptor)))
                if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    os.close(int(descriptor))
            except OSError:
                pass
    return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""


@pytest.mark.parametrize("server_type", ["flask", "gthread", "gevent", "fastapi"])
def test_a_process_whose_port_user_code_has_closed_ends(code_dir: Path, server_type: str) -> None:
    (code_dir / "custom.py").write_text(CLOSING)
    params = {}
    if server_type.startswith("g"):
        pytest.importorskip("gevent" if server_type == "gevent" else "gunicorn")
        params = {"DRUM_GUNICORN_WORKER_CLASS": server_type}
    kind = "gunicorn" if params else server_type
    with running_server(code_dir, kind, *REGRESSION, params=params) as server:
        workers = server.workers()
        with contextlib.suppress(OSError):
            server.post("/predict/", EXIT_NOW)
        if server_type == "flask":
            status = server.wait()
            log = server.stderr()
        else:
            eventually(lambda: replaced(server, workers[0]))
            status, log = 1, server.stderr()

    assert status == 1
    # Whoever tries to accept in that very moment finds out by himself.
    accepted = ("Socket operation on non-socket", "Bad file descriptor", "Invalid argument")
    assert any(reason in log for reason in ("has closed the port", *accepted))
