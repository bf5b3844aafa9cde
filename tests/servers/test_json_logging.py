"""With ``DRUM_JSON_LOGGING`` every line is a JSON object, from the first to the last."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.harness import PROGRAM, SERVER_TYPES, environment, running_server

pytestmark = pytest.mark.servers

CUSTOM: Final = """
import logging, os, sys, threading, warnings

print("printed by an import")
import pandas as pd


def load_model(code_dir):
    print("begun", end=" ")
    print("and ended")
    sys.stderr.write("never ended")
    warnings.warn("a warning")
    logging.getLogger("theirs").error("two\\nlines")
    if os.environ.get("LOAD_FAILS"):
        raise ValueError("the weights\\nare missing")
    return "model"


def fail():
    raise RuntimeError("in a thread")


def score(data, model, **kwargs):
    print("printed by a request \\x1b[31m")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    if data.iloc[0, 0] == 2:
        raise ValueError("no\\nnumbers")
    return pd.DataFrame({"Predictions": [1.5] * len(data)})
"""
REGRESSION: Final = ("--target-type", "regression")
PARAMS: Final = {"DRUM_JSON_LOGGING": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "custom.py").write_text(CUSTOM)
    return tmp_path


def records(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines()
    assert all(line.isprintable() for line in lines)
    return [json.loads(line) for line in lines]


def of_logger(found: list[dict[str, Any]], logger: str) -> list[dict[str, Any]]:
    return [record for record in found if record["logger"] == logger]


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_every_line_of_a_server_is_json(folder: Path, server_type: str) -> None:
    options = (*REGRESSION, "--show-stacktrace")
    with running_server(folder, server_type, *options, params=PARAMS) as server:
        assert server.post("/predict/", b"a\n1\n")[0] == 200
        assert server.post("/predict/?b=c", b"a\n2\n")[0] == 500
        with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
            connection.sendall(b"nonsense\x1b[31m\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        server.stop()
        out, err = records(server.stdout()), records(server.stderr())

    printed = of_logger(out, "drum.printed")
    assert [record["message"] for record in printed[:2]] == [
        "printed by an import",
        "begun and ended",
    ]
    accesses = of_logger(out, "drum.access")
    shown = {(record["method"], record["path"], record["status"]) for record in accesses}
    assert shown == {("POST", "/predict/", 200), ("POST", "/predict/", 500), ("-", "other", 400)}
    assert all(record["bytes"] and record["client"] == "127.0.0.1" for record in accesses)
    ids = {record["request_id"] for record in accesses if record["method"] == "POST"}
    by_requests = [record for record in printed if record["message"].startswith("printed by a r")]
    assert {record["request_id"] for record in by_requests} == ids

    (failure,) = of_logger(err, "drum.prediction.errors")
    assert "ValueError: no\nnumbers" in failure["exception"]
    assert failure["request_id"] in ids
    assert [record["message"] for record in of_logger(err, "theirs")] == ["two\nlines"]
    assert len(of_logger(err, "drum.warnings")) == 1
    assert len(of_logger(err, "drum.uncaught")) == 2
    assert [record["message"] for record in of_logger(err, "drum.printed")] == ["never ended"]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *PROGRAM, *words],
        env=environment(variables, PARAMS, measured=False),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_why_a_server_does_not_start_is_json(folder: Path, server_type: str) -> None:
    params = PARAMS | {"DRUM_SERVER_TYPE": server_type}
    done = subprocess.run(
        [*(sys.executable, *PROGRAM, "server", "--code-dir", str(folder), *REGRESSION)]
        + ["--address", "127.0.0.1:0", "--show-stacktrace"],
        env=environment({"LOAD_FAILS": "1"}, params, measured=False),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode != 0
    records(done.stdout)
    failures = [r for r in of_logger(records(done.stderr), "drum") if r["level"] == "CRITICAL"]
    assert "the weights" in failures[0]["message"]
    assert "ValueError: the weights\nare missing" in failures[0]["exception"]


@pytest.mark.parametrize("words", [("bogus",), ("server",), ("score", "--code-dir", "/nowhere")])
def test_a_usage_error_is_json(words: tuple[str, ...]) -> None:
    done = run(*words)

    assert done.returncode == 2
    told = [record["message"] for record in records(done.stderr)]
    assert any("error: " in message for message in told)


def test_what_a_scored_model_prints_is_json_and_its_predictions_are_csv(folder: Path) -> None:
    rows = folder / "rows.csv"
    rows.write_text("a\n1\n")
    done = run("score", "--code-dir", str(folder), "--input", str(rows), *REGRESSION)

    assert done.stdout == "Predictions\n1.5\n"
    printed = of_logger(records(done.stderr), "drum.printed")
    assert [record["message"] for record in printed if record["stream"] == "stdout"] == [
        "printed by an import",
        "begun and ended",
        "printed by a request \x1b[31m",
    ]
