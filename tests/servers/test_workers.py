"""Worker processes that are replaced: recycled, stuck; and a model loaded once for all."""

from __future__ import annotations

import _thread
import collections
import http.client
import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

from tests.servers.harness import (
    SERVER_TYPES,
    Server,
    ServerDiedError,
    eventually,
    running_server,
)
from tests.servers.load import WAIT_FOR_GATE, Load, rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
SEVERAL = ("gunicorn", "fastapi")


def predicting_process(server: Server) -> int:
    _, body = server.post("/predict/", rows(0))
    return int(json.loads(body)["predictions"][0])


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("server_type", SEVERAL)
def test_recycling_by_max_requests_loses_no_request(
    code_dir: Path, server_type: str, workers: int
) -> None:
    params = {"DRUM_GUNICORN_MAX_REQUESTS": 40, "CUSTOM_MODEL_WORKERS": workers}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        first = set(server.workers())
        load = Load(server.port, seconds=0).start(4)
        eventually(lambda: len(load.answers) > 150 or load.lost)
        eventually(lambda: first.isdisjoint(server.workers()))
        load.stop.set()
        load.join()

    assert load.lost == []
    assert load.refused == 0
    assert set(load.answers) == {200}


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_burst_of_connections_is_shared_out(code_dir: Path, server_type: str) -> None:
    params = {"CUSTOM_MODEL_WORKERS": 2, "DRUM_GUNICORN_KEEP_ALIVE": 30}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        seen: set[int] = set()
        eventually(lambda: seen.add(predicting_process(server)) or len(seen) == 2)
        clients = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(16)]
        for client in clients:
            client.connect()
        held = collections.Counter(predicted_over(client) for client in clients)

    assert sum(held.values()) == 16
    assert min(held[pid] for pid in seen) >= 4


def predicted_over(client: http.client.HTTPConnection) -> int:
    client.request("POST", "/predict/", rows(0), {"Content-Type": "text/csv"})
    body = client.getresponse().read()
    client.close()
    return int(json.loads(body)["predictions"][0])


@pytest.mark.slow
@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_worker_whose_model_never_comes_back_is_replaced(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    env = {"RUN_STARTED": str(tmp_path / "started"), "RUN_GATE": str(tmp_path / "never")}
    params = {"DRUM_CLIENT_REQUEST_TIMEOUT": 1, "CUSTOM_MODEL_WORKERS": 2}
    with running_server(code_dir, server_type, *REGRESSION, env=env, params=params) as server:
        eventually(lambda: len(server.workers()) == 2)
        before = set(server.workers())
        status, body = server.post("/predict/", WAIT_FOR_GATE)
        eventually(lambda: set(server.workers()) - before)
        eventually(lambda: len(server.workers()) == 2)
        left = before & set(server.workers())
        answer = server.post("/predict/", rows(0))[0]

    assert status == 504
    assert json.loads(body)["message"].startswith("ERROR: ")
    assert len(left) == 1
    assert answer == 200


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_preloaded_model_is_loaded_once(code_dir: Path, tmp_path: Path, server_type: str) -> None:
    loads = tmp_path / "loads"
    (code_dir / "custom.py").write_text(
        (code_dir / "custom.py")
        .read_text()
        .replace(
            "def load_model(code_dir):", f"def load_model(code_dir):\n    note({str(loads)!r})"
        )
        + "\n\ndef note(path):\n    with open(path, 'a') as file:\n        file.write('x')\n"
    )
    params = {"DRUM_PRELOAD_MODEL": "on", "CUSTOM_MODEL_WORKERS": 3}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        eventually(lambda: len(server.workers()) == 3)
        seen: set[int] = set()
        eventually(lambda: seen.add(predicting_process(server)) or len(seen) > 1)
        workers = set(server.workers())

    assert loads.read_text() == "x"
    assert seen <= workers


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_preloaded_model_that_cannot_load_says_so_once(code_dir: Path, server_type: str) -> None:
    params = {"DRUM_PRELOAD_MODEL": "on", "CUSTOM_MODEL_WORKERS": 2}
    env = {"LOAD_FAILS": str(code_dir)}
    with running_server(
        code_dir, server_type, *REGRESSION, env=env, params=params, wait=False
    ) as server:
        status = server.wait()
        errors = server.stderr()

    assert status == 1
    assert errors.count("the weights are missing") == 1
    assert "Traceback" not in errors


READS_ENVIRONMENT = """
import os
import sys

READ = os.environ.get("OPENBLAS_THREAD_TIMEOUT"), "numpy" in sys.modules

import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    timeout, too_late = READ
    return pd.DataFrame({"Predictions": [-1.0 if too_late else float(timeout)] * len(data)})
"""


@pytest.mark.parametrize(("env", "timeout"), [({}, 4), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, 20)])
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_threads_of_the_linear_algebra_sleep_unless_the_user_says_otherwise(
    tmp_path: Path, server_type: str, env: dict[str, str], timeout: int
) -> None:
    (tmp_path / "custom.py").write_text(READS_ENVIRONMENT)
    with running_server(tmp_path, server_type, *REGRESSION, env=env) as server:
        status, body = server.post("/predict/", b"a\n3\n")

    assert (status, json.loads(body)) == (200, {"predictions": [timeout]})


class StartsThread:
    """Loading this starts a thread, as some frameworks do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _thread.start_new_thread, (time.sleep, (3600,))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_built_in_model_is_shared_unless_loading_it_starts_threads(
    tmp_path: Path, server_type: str, shared: bool
) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    if not shared:
        model.note = StartsThread()
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    params = {"CUSTOM_MODEL_WORKERS": 2}
    with running_server(tmp_path, server_type, *REGRESSION, params=params) as server:
        eventually(lambda: len(server.workers()) == 2)
        in_master = "sklearn" in Path(f"/proc/{server.process.pid}/maps").read_text()
        status, body = server.post("/predict/", b"a\n3\n")
        code = server.stop()

    assert in_master == shared
    assert (status, json.loads(body)) == (200, {"predictions": [pytest.approx(3.0)]})
    assert code == 0


ENDED_AT_BIRTH = """
import os, signal
import pandas as pd

def load_model(code_dir):
    # As if the server were told to end in the moment in which it forks.
    os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
    return "a model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"]})
"""


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_worker_that_is_told_to_end_as_it_is_born_ends(tmp_path: Path, server_type: str) -> None:
    (tmp_path / "custom.py").write_text(ENDED_AT_BIRTH)
    params = {"CUSTOM_MODEL_WORKERS": 2, "DRUM_PRELOAD_MODEL": "on"}
    # Its server ends too, as with any worker that ends before it was ready.
    with (
        pytest.raises(ServerDiedError, match="ended with"),
        running_server(tmp_path, server_type, *REGRESSION, params=params),
    ):
        pass
