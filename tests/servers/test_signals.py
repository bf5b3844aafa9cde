"""Signals that do not end a server, under load: the table in ``docs/operations.md``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from datarobot_drum.drum.serving.children import STRAY
from tests.servers.harness import Server, eventually, running_server
from tests.servers.load import Load, rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
SUPERVISED = ("gunicorn", "fastapi")
CUSTOM = """
import time

import pandas as pd

VERSION = 1


def load_model(code_dir):
    return VERSION


def score(data, model, **kwargs):
    time.sleep(0.01)
    return pd.DataFrame({"Predictions": [model] * len(data)})
"""


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    write(folder, 1)
    return folder


def write(folder: Path, version: int) -> None:
    (folder / "custom.py").write_text(CUSTOM.replace("VERSION = 1", f"VERSION = {version}"))


def version(server: Server) -> int:
    status, body = server.post("/predict/", rows(0))
    assert status == 200
    return int(json.loads(body)["predictions"][0])


class Probe(threading.Thread):
    """Asks whether the server is ready, over and over, on connections that it keeps."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._stop_asking = threading.Event()
        self.statuses: set[int] = set()

    def run(self) -> None:
        while not self._stop_asking.wait(0.005):
            try:
                self._connection.request("GET", "/readyz")
                answer = self._connection.getresponse()
                answer.read()
                self.statuses.add(answer.status)
            except (http.client.HTTPException, OSError):
                # Closed meanwhile: the next request opens another.
                self._connection.close()

    def stop(self) -> set[int]:
        self._stop_asking.set()
        self.join()
        self._connection.close()
        return self.statuses


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_workers_are_reloaded_added_and_taken_without_losing_a_request(
    code_dir: Path, server_type: str
) -> None:
    with running_server(code_dir, server_type, *REGRESSION, "--max-workers", "2") as server:
        eventually(lambda: len(server.workers()) == 2)
        first = set(server.workers())
        load = Load(server.port).start(4)
        probe = Probe(server.port)
        probe.start()

        (code_dir / "custom.py").write_text("this is no Python")
        server.signal(signal.SIGHUP)
        eventually(lambda: "trying again in" in server.stderr())
        old = version(server)
        write(code_dir, 2)
        server.signal(signal.SIGHUP)
        eventually(lambda: first.isdisjoint(server.workers()))
        eventually(lambda: len(server.workers()) == 2)
        new = {version(server) for _ in range(20)}

        server.signal(signal.SIGTTIN)
        eventually(lambda: len(server.workers()) == 3)
        # Not below one; what is told twice before it is heard is one signal.
        for left in (2, 1, 1):
            server.signal(signal.SIGTTOU)
            eventually(lambda wanted=left: len(server.workers()) == wanted)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            server.signal(number)
        eventually(lambda: "SIGUSR2" in server.stderr())
        (last,) = server.workers()
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, *STRAY):
            os.kill(last, number)
        for number in STRAY:
            server.signal(number)
        eventually(lambda: f"signal {signal.SIGRTMAX - 1} has no effect" in server.stderr())
        version(server)
        stayed = server.workers() == [last]
        load.stop.set()
        load.join()
        readiness = probe.stop()
        status = server.stop()

    # Of the workers that are replaced, too: the server is as ready as before.
    assert readiness == {200}
    assert old == 1
    assert new == {2}
    assert stayed
    assert status == 0
    assert load.lost == []
    assert load.refused == 0
    assert set(load.answers) == {200}


@pytest.mark.parametrize("server_type", SUPERVISED)
def test_a_model_that_the_workers_share_is_not_reloaded_and_that_is_said(
    code_dir: Path, server_type: str
) -> None:
    params = {"DRUM_PRELOAD_MODEL": "on"}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        before = server.workers()
        write(code_dir, 2)
        server.signal(signal.SIGHUP)
        eventually(lambda: "SIGHUP has no effect" in server.stderr())
        answer = version(server)
        after = server.workers()

    assert answer == 1
    assert before == after


def test_flask_goes_on_and_says_that_nothing_is_done(code_dir: Path) -> None:
    numbers = (
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGALRM,
        signal.SIGVTALRM,
        signal.SIGPROF,
        signal.SIGRTMIN,
        signal.SIGRTMAX,
    )
    with running_server(code_dir, "flask", *REGRESSION) as server:
        load = Load(server.port).start(4)
        load.wait_for_answers()
        for number in numbers:
            server.signal(number)
        for number in numbers:
            eventually(lambda name=number.name: f"{name} has no effect" in server.stderr())
        load.stop.set()
        load.join()
        status = server.stop()

    assert status == 0
    assert load.lost == []
    assert load.refused == 0
    assert set(load.answers) == {200}
