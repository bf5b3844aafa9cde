"""A model whose behaviour each request, and the environment, can choose."""

from __future__ import annotations

from pathlib import Path

import pytest

# A row's first value: seconds to take, -1: end the process from inside the hook, -2: wait.
# Status 3 is what gunicorn's own workers end with when they cannot start: here it means nothing.
_CUSTOM = """
import os
import time

import pandas as pd


def load_model(code_dir):
    gate = os.environ.get("LOAD_GATE")
    if gate:
        open(gate + ".reached", "w").close()
        while not os.path.exists(gate):
            time.sleep(0.02)
    if os.path.exists(os.environ.get("LOAD_FAILS", "")):
        raise ValueError("the weights are missing")
    if os.path.exists(os.environ.get("LOAD_EXITS", "")):
        os._exit(9)
    return "model"


def score(data, model, **kwargs):
    seconds = float(data.iloc[0, 0])
    if seconds == -1:
        os._exit(3)
    if seconds == -2:
        with open(os.environ["RUN_STARTED"], "w") as file:
            file.write(str(os.getpid()))
        while not os.path.exists(os.environ["RUN_GATE"]):
            time.sleep(0.02)
    time.sleep(max(seconds, 0))
    return pd.DataFrame({"Predictions": [float(os.getpid())] * len(data)})
"""


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "custom.py").write_text(_CUSTOM)
    return folder
