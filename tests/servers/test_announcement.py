"""A server says once where it listens and how to ask it, when it can be asked."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

from tests.contract.folders import training_data
from tests.servers.harness import SERVER_TYPES, Server, eventually, running_server
from tests.servers.test_tls import Certificates

pytestmark = pytest.mark.servers

PARAM = "MLOPS_RUNTIME_PARAM_"
TOKEN = "not to be seen in any log"
SERVING = "INFO drum.server:  Serving on https://127.0.0.1:"
ASK = "INFO drum.server:  Ask it: "


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    """With its target type in the metadata, as the README has it."""
    folder = tmp_path / "prices"
    folder.mkdir()
    frame, target = training_data(lambda a, b: 3 * a - b)
    (folder / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit(frame, target)))
    (folder / "model-metadata.yaml").write_text("targetType: regression\n")
    return folder


def command_of(server: Server) -> str:
    eventually(lambda: ASK in server.stderr())
    (line,) = [line for line in server.stderr().splitlines() if ASK in line]
    return line.partition(ASK)[2]


def run(command: str) -> str:
    # The token where the server has it from.
    words = {"PATH": os.environ["PATH"], PARAM + "DRUM_AUTH_TOKEN": TOKEN, "no_proxy": "127.0.0.1"}
    command += " --silent --show-error"
    done = subprocess.run(
        command, shell=True, env=words, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_the_command_works_with_prefix_tls_and_token_and_is_told_once(
    regression: Path, tmp_path: Path, server_type: str
) -> None:
    several = () if server_type == "flask" else ("--max-workers", "2")
    params = Certificates(tmp_path).params(DRUM_AUTH_TOKEN=TOKEN)
    env = {"URL_PREFIX": "/models"}
    with running_server(
        regression, server_type, *several, params=params, env=env, scheme="https"
    ) as server:
        command = command_of(server)
        assert '"predictions":[' in run(command).replace(" ", "")
        if several:
            eventually(lambda: len(server.workers()) >= 2)
        assert server.stop() == 0
        said = server.stderr()
    assert said.count(SERVING) == said.count(ASK) == 1
    workers = "2 workers" if several else "1 worker"
    assert f"{server.port}/models with {server_type}: model 'prices', target type regr" in said
    assert f"type regression, {workers}, drum " in said
    assert TOKEN not in said


@pytest.mark.parametrize("server_type", ["gunicorn", "fastapi"])
def test_a_server_of_one_worker_tells_it_too(regression: Path, server_type: str) -> None:
    with running_server(regression, server_type) as server:
        assert '"predictions":[' in run(command_of(server)).replace(" ", "")


def test_who_wants_errors_only_gets_no_more(regression: Path) -> None:
    with running_server(regression, "flask", "--logging-level", "error") as server:
        assert server.stop() == 0
        assert server.stderr() == ""
