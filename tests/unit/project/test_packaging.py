"""What an installation has: names, extras, the console command."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import datarobot_drum

NAME = "custom-model-runner"
ROOT = Path(__file__).parents[3]
PACKAGE = Path(datarobot_drum.__file__).parent
METADATA = importlib.metadata.metadata(NAME)
EXTRAS = set(METADATA.get_all("Provides-Extra") or [])
TEXTS = [*PACKAGE.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def test_the_command_and_the_module_are_one_program():
    command = Path(sys.executable).parent / "drum"
    for words in ([str(command)], [sys.executable, "-m", "datarobot_drum"]):
        done = subprocess.run([*words, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"drum {datarobot_drum.__version__}\n")


def test_the_version_stands_in_one_place():
    assert METADATA["Version"] == datarobot_drum.__version__


def test_type_checkers_may_look_inside():
    assert (PACKAGE / "py.typed").exists()


def test_the_default_server_and_csv_need_no_extra():
    core = [text for text in METADATA.get_all("Requires-Dist") or [] if "extra ==" not in text]
    names = {re.split(r"[^\w-]", text)[0].lower() for text in core}
    light = {"flask", "orjson", "prometheus-client", "psutil", "pyyaml", "werkzeug"}
    assert names == light | {"numpy", "pandas"}


def named_extras(path: Path) -> set[str]:
    """Extras in `pip install 'custom-model-runner[a,b]'` and `pip install '.[a]'`."""
    found = re.findall(r"(?:custom-model-runner|'\.)\[([\w,-]+)\]", path.read_text())
    return {extra for group in found for extra in group.split(",")}


@pytest.mark.parametrize("path", [p for p in TEXTS if named_extras(p)], ids=lambda p: p.name)
def test_every_extra_that_is_named_exists(path: Path):
    assert named_extras(path) - EXTRAS == set()


def test_one_extra_per_server_and_framework():
    servers = {"gunicorn", "fastapi"}
    frameworks = {"sklearn", "xgboost", "lightgbm", "catboost", "onnx", "torch", "keras", "skops"}
    assert servers | frameworks | {"mlflow"} <= EXTRAS
