"""Processes and signal handlers of user code, beside those of the servers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers.harness import Server, eventually, is_refused, running_server

pytestmark = pytest.mark.servers

UNSTRUCTURED = ("--target-type", "unstructured")
NO_WAKING = "-1"
PROBE = """
lines = open("/proc/self/status").read().splitlines()
masks = [line.split()[1] for line in lines if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
# The C library has uses of its own for 32 and 33.
print(*[int(mask, 16) & 0x7FFFFFFF for mask in masks])
"""
CHILDREN = """
import concurrent.futures
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

_PROBE = os.environ["PROBE"]


def load_model(code_dir):
    return "model"


def square(number):
    return number * number


def map_in_a_pool():
    with multiprocessing.Pool(2) as pool:
        return pool.map(square, range(8))


def end_a_child():
    statuses = []
    for end in (multiprocessing.Process.terminate, multiprocessing.Process.kill, None):
        seconds = 600 if end else 0
        child = multiprocessing.Process(target=time.sleep, args=(seconds,), daemon=seconds > 0)
        child.start()
        if end:
            end(child)
        child.join(20)
        statuses.append(child.exitcode)
        child.kill()
    # Leaving the hook it would go on as a copy of the server.
    if (pid := os.fork()) == 0:
        sys.exit(9)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    statuses.append(subprocess.run([sys.executable, "-c", "raise SystemExit(7)"]).returncode)
    return statuses


def signals_of_children():
    program = [sys.executable, "-c", _PROBE]
    started = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        exec(_PROBE, {})
        print(signal.set_wakeup_fd(-1), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    return {"started": started.split(), "forked": os.read(reader, 4096).decode().split()}


def score_unstructured(model, data, query, **kwargs):
    return json.dumps(globals()[data]())
"""


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "custom.py").write_text(CHILDREN)
    return folder


def ask(server: Server, action: str) -> Any:
    status, body = server.post("/predictUnstructured/", action.encode(), "text/plain")
    assert status == 200, body
    return json.loads(body)


@pytest.fixture
def heeded() -> Iterator[None]:
    """A suite that a shell runs in the background ignores them, and so does what it starts."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGQUIT: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def usual_signals() -> list[str]:
    """The signals that a program of Python's blocks, ignores and handles, without a server."""
    program = [sys.executable, "-c", PROBE]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("server_type", "params"),
    [
        ("flask", {}),
        ("fastapi", {"CUSTOM_MODEL_WORKERS": 2}),
        ("gunicorn", {}),
        ("gunicorn", {"DRUM_GUNICORN_WORKER_CLASS": "gevent"}),
    ],
)
@pytest.mark.usefixtures("heeded")
def test_children_of_hooks_live_and_end_as_without_a_server(
    code_dir: Path, server_type: str, params: dict[str, object]
) -> None:
    in_greenlets = "gevent" in params.values()
    if in_greenlets:
        pytest.importorskip("gevent")
    # Coverage has a handler of SIGTERM in every process.
    with running_server(
        code_dir, server_type, *UNSTRUCTURED, params=params, env={"PROBE": PROBE}, measured=False
    ) as server:
        signals = ask(server, "signals_of_children")
        statuses = ask(server, "end_a_child")
        # A pool's threads read from pipes, which no greenlet can.
        pools = [] if in_greenlets else [ask(server, "map_in_a_pool") for _ in range(8)]

    usual = usual_signals()
    # gevent's loop handles SIGCHLD below Python, in its children too.
    handled = str(int(usual[2]) | 1 << signal.SIGCHLD - 1) if in_greenlets else usual[2]
    assert signals == {"started": usual, "forked": [*usual[:2], handled, NO_WAKING]}
    assert statuses == [-signal.SIGTERM, -signal.SIGKILL, 0, 9, 7]
    assert all(answer == [number * number for number in range(8)] for answer in pools)


LEAVES_BEHIND = """

def ignore_and_wait():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)


def leave_children_behind():
    left = [multiprocessing.Process(target=time.sleep, args=(600,), daemon=True)]
    for daemon in (True, False):
        left.append(multiprocessing.Process(target=ignore_and_wait, daemon=daemon))
    for child in left:
        child.start()
    pool = multiprocessing.Pool(1)
    pool.apply_async(time.sleep, (600,))
    executor = concurrent.futures.ProcessPoolExecutor(1)
    executor.submit(time.sleep, 600)
    threads = concurrent.futures.ThreadPoolExecutor(1)
    threads.submit(time.sleep, 600)
    globals()["kept"] = pool, executor, threads
    return [child.pid for child in multiprocessing.active_children()]


def on_signal(number, frame):
    Path(os.environ["NOTED"]).write_text(f"{number} {os.path.exists(os.environ['GATE'])}")
    sys.exit(5)


def load_model(code_dir):
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, lambda number, frame: None)
    return leave_children_behind()


def wait_for_gate():
    Path(os.environ["STARTED"]).touch()
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.02)


def score_unstructured(model, data, query, **kwargs):
    return json.dumps(model + leave_children_behind() if data == "leave" else wait_for_gate())
"""


@pytest.mark.parametrize(
    ("server_type", "workers", "preload"),
    [
        ("flask", 1, "off"),
        ("fastapi", 2, "on"),
        ("gunicorn", 1, "off"),
    ],
)
def test_what_user_code_leaves_behind_keeps_no_server_from_ending(
    code_dir: Path, tmp_path: Path, server_type: str, workers: int, preload: str
) -> None:
    (code_dir / "custom.py").write_text(CHILDREN + LEAVES_BEHIND)
    started, gate, noted = (tmp_path / name for name in ("started", "gate", "noted"))
    env = {"STARTED": str(started), "GATE": str(gate), "NOTED": str(noted), "PROBE": PROBE}
    params = {"CUSTOM_MODEL_WORKERS": workers, "DRUM_PRELOAD_MODEL": preload}
    with (
        ThreadPoolExecutor(1) as pool,
        running_server(code_dir, server_type, *UNSTRUCTURED, params=params, env=env) as server,
    ):
        children = ask(server, "leave")
        answer = pool.submit(ask, server, "wait")
        eventually(started.exists)
        server.signal(signal.SIGTERM)
        eventually(lambda: is_refused(server.port))
        early = noted.exists()
        gate.touch()
        status = server.wait()
        answered = answer.result()
        left = [pid for pid in children if psutil.pid_exists(pid)]
        errors = server.stderr()

    assert answered is None
    assert status == 0
    # Of several workers those that have nothing to answer end first.
    assert workers > 1 or not early
    assert noted.read_text() == f"{signal.SIGTERM.value} True"
    assert left == []
    assert "Traceback" not in errors
