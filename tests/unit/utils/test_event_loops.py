"""`asyncio.get_event_loop()` in a model's code, wherever that runs."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum.assembly import load_service
from datarobot_drum.drum.enum import ServerType, TargetType
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.prediction.lane.executor import ThreadLoop
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.settings import ModelSettings, ServerSettings, Settings
from tests.servers.harness import running_server
from tests.unit.folders import write_folder

HOOKS = """
import asyncio

async def answer():
    await asyncio.sleep(0)
    return 7.0

def ask():
    return asyncio.get_event_loop().run_until_complete(answer())

def init(code_dir):
    assert ask() == 7.0

def load_model(code_dir):
    return ask()

def score(data, model, **kwargs):
    how = data["how"].iloc[0]
    if how == "run":
        asyncio.run(answer())
    elif how == "own":
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(answer())
        loop.close()
    return pd.DataFrame({"Predictions": [ask()] * len(data) if how == "ask" else [model]})

def chat(completion_create_params, model, **kwargs):
    raise ValueError(f"the answer is {ask()}")
"""


def folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    (path / "custom.py").write_text("import pandas as pd\n" + HOOKS)
    return path


def ask_all(post: Any) -> None:
    """A call that takes the loop away, or closes it, leaves the next one with a loop."""
    for how in ("ask", "run", "ask", "own", "ask"):
        status, body = post("/predict/", f"how\n{how}\n".encode(), "text/csv")
        assert (status, json.loads(body)["predictions"]) == (200, [7.0])
    status, body = post("/chat/completions", b"{}", "application/json")
    assert status in (404, 500)


def test_each_call_finds_a_loop(tmp_path: Path) -> None:
    model = ModelSettings(str(folder(tmp_path)), TargetType.REGRESSION)
    service = load_service(Settings("server", model, ServerSettings()))

    def post(path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        operation = Operation.CHAT if "chat" in path else Operation.PREDICT
        answer = service.answer(operation, PredictRequest(body, content_type))
        assert isinstance(answer.body, bytes)
        return answer.status, answer.body

    ask_all(post)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        service.close()
        gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("model-")]


@pytest.mark.servers
@pytest.mark.parametrize("server", ["flask", "gunicorn", "fastapi"])
def test_every_server_gives_a_loop_to_the_models_code(tmp_path: Path, server: str) -> None:
    options = ("--target-type", "textgeneration")
    hooks = folder(tmp_path)
    text = (hooks / "custom.py").read_text().replace('"Predictions"', '"reply"')
    (hooks / "custom.py").write_text(text)
    env = {"TARGET_NAME": "reply", "PYTHONWARNINGS": "error::ResourceWarning"}
    with running_server(hooks, server, *options, env=env) as running:
        for how in ("ask", "run", "ask"):
            status, body = running.post("/predict/", f"how\n{how}\n".encode())
            assert (status, json.loads(body)["predictions"]) == (200, [7.0])
        _, body = running.post("/chat/completions", b"{}", "application/json")
        assert "the answer is 7.0" in json.loads(body)["message"]
        assert running.stop() == 0
        assert "ResourceWarning" not in running.output()


def test_the_score_command(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("how\nask\n")
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-W", "error::DeprecationWarning:asyncio"]
        + ["-m", "datarobot_drum", "score", "--code-dir", str(folder(tmp_path / "model"))]
        + ["--input", str(rows), "--target-type", "regression"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["Predictions", "7.0"], "")


class Waiter:
    """A pickled class without hooks: its code may want a loop too."""

    def predict(self, rows: Any) -> Any:
        async def answer() -> float:
            return 7.0

        return [asyncio.get_event_loop().run_until_complete(answer())] * len(rows)


def test_a_class_of_the_users_own_never_runs_on_the_servers_loop(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=Waiter())
    model = ModelSettings(str(tmp_path), TargetType.REGRESSION)
    answering = ServiceSettings(server_type=ServerType.FASTAPI, short_call=1.0)
    server = ServerSettings(service=answering)
    service = load_service(Settings("server", model, server))

    async def ask() -> list[int]:
        request = PredictRequest(b"a\n1\n", "text/csv")
        return [(await service.answer_async(Operation.PREDICT, request)).status for _ in range(4)]

    assert asyncio.run(ask()) == [200] * 4
    service.close()


def test_a_loop_of_the_models_own_stays() -> None:
    seen: list[bool] = []

    def run() -> None:
        loop, own = ThreadLoop(), asyncio.new_event_loop()
        loop.set()
        first = asyncio.get_event_loop()
        loop.set()
        seen.append(asyncio.get_event_loop() is first)
        asyncio.set_event_loop(own)
        loop.set()
        seen.append(asyncio.get_event_loop() is own)
        own.close()
        loop.set()
        seen.append(asyncio.get_event_loop() is first)
        loop.close()
        seen.append(first.is_closed())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [True] * 4
