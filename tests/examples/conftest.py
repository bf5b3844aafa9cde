"""The example folders, as their own READMEs say to use them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.contract.folders import Folder
from tests.contract.fronts import Front, ServerProcesses

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
# What an example needs beside scikit-learn; all of it comes with the extra `test`.
NEEDS = {
    "catboost_binary": ("catboost",),
    "keras_regression": ("keras", "torch"),
    "lightgbm_multiclass": ("lightgbm",),
    "mlflow_regression": ("mlflow",),
    "onnx_multiclass": ("onnxruntime", "skl2onnx"),
    "skops_binary": ("skops",),
    "sums_agenticworkflow": ("openai",),
    "torch_regression": ("torch",),
    "toy_textgeneration": ("openai",),
    "xgboost_regression": ("xgboost",),
}
# Frameworks that warn about themselves.
NOISY = frozenset({"keras_regression", "mlflow_regression"})
ARTIFACTS = ("model.*", "*.pkl", "*.joblib", "MLmodel", "__pycache__")


@dataclass(frozen=True)
class Example:
    """A copy of an example folder, with its artifact trained.

    Attributes:
        scored: what the README's ``drum score`` wrote to stdout.
        served: the folder as the README's ``drum server`` serves it.
    """

    path: Path
    scored: str
    served: Folder

    @property
    def sample(self) -> bytes:
        (path,) = self.path.glob("sample.*")
        return path.read_bytes()


def commands(readme: Path) -> list[str]:
    """The lines of the README's code blocks."""
    lines = readme.read_text().splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]


def run(command: str, folder: Path, variables: dict[str, str]) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **variables, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def prepare(name: str, parent: Path) -> Example:
    for package in NEEDS.get(name, ()):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    path = parent / name
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(EXAMPLES / name, path, ignore=shutil.ignore_patterns(*ARTIFACTS))
    variables: dict[str, str] = {}
    warnings = {} if name in NOISY else {"PYTHONWARNINGS": "error"}
    scored = ""
    arguments: list[str] = []
    for command in commands(path / "README.md"):
        words = shlex.split(command)
        if words[0] == "export":
            variables |= dict(word.split("=", 1) for word in words[1:])
        elif words[0] == "python":
            run(command, path, variables | warnings)
        elif words[:2] == ["drum", "score"]:
            scored = run(command, path, variables | warnings)
        elif "server" in words:
            arguments = words[words.index("server") + 1 :]
    return Example(path, scored, Folder(path, without_place(arguments), tuple(variables.items())))


def without_place(arguments: list[str]) -> tuple[str, ...]:
    """The options of `drum server` except folder and address, which the tests choose."""
    pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert pairs.pop("--code-dir") == "."
    assert pairs.pop("--address").startswith("127.0.0.1:")
    return tuple(word for pair in pairs.items() for word in pair)


@pytest.fixture(scope="session")
def processes() -> Iterator[ServerProcesses]:
    processes = ServerProcesses()
    yield processes
    processes.close()


@pytest.fixture(scope="module")
def front(request: pytest.FixtureRequest, processes: ServerProcesses) -> Iterator[Front]:
    """One way to serve, which the test names."""
    front = Front(request.param, processes)
    yield front
    front.close()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory):
    """``example(name)``: a prepared copy; each is prepared once."""
    parent = tmp_path_factory.mktemp("examples")
    return cache(lambda name: prepare(name, parent))
