"""A few models of all, drawn anew in each run: by each server, and by the real `drum score`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.contract.clients import Answer
from tests.contract.fronts import server_process
from tests.differential import boosters, mlflow_folders, networks, sklearn_models
from tests.differential.askers import ask, csv_columns
from tests.differential.formats import Format
from tests.differential.questions import Question, described, difference, fault, refuse
from tests.differential.seed import generator
from tests.differential.subjects import Case, cases
from tests.differential.suite import drawn, is_file
from tests.servers.harness import SERVER_TYPES, environment

pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore")]

MODULES = {"onnx": "skl2onnx"}
AT_A_TIME = 4
REQUESTS = 60


def every_case() -> list[Case]:
    """The cases of all frameworks that are installed."""
    others: list[tuple[str, Any, Any]] = [
        ("lightgbm", boosters.LIGHTGBM, boosters.LIGHTGBM_FORMS),
        ("xgboost", boosters.XGBOOST, boosters.XGBOOST_FORMS),
        ("catboost", boosters.CATBOOST, boosters.CATBOOST_FORMS),
        ("onnx", networks.ONNX, networks.ONNX_FORMS),
        ("torch", networks.TORCH, networks.TORCH_FORMS),
        ("mlflow", mlflow_folders.MLFLOW, mlflow_folders.MLFLOW_FORMS),
    ]
    found = list(sklearn_models.CASES)
    for name, subjects, forms in others:
        if find_spec(MODULES.get(name, name)) is not None:
            found += cases(name, subjects, forms)
    return found


def some(purpose: str, count: int) -> list[Case]:
    found = every_case()
    return [found[i] for i in generator(purpose).permutation(len(found))[:count]]


@pytest.mark.parametrize("server_type", SERVER_TYPES)
@pytest.mark.parametrize("number", range(3))
def test_each_server(server_type: str, number: int, folders_root: Path) -> None:
    """Requests of all formats, several at a time."""
    case = some(f"server {server_type}", 3)[number]
    folder = case.folder(folders_root)
    pairs = drawn(case, server_type, REQUESTS)
    requests = [question.encoded(form) for question, form in pairs]
    with (
        server_process(folder, server_type) as client,
        ThreadPoolExecutor(AT_A_TIME) as clients,
    ):
        answers = list(clients.map(lambda sent: ask(client, folder, sent), requests))
    refuse(f"{case.name}: {each}" for each in faults(pairs, answers))


def faults(pairs: list[tuple[Question, Format]], answers: list[Answer]) -> Iterator[str]:
    for (question, form), answer in zip(pairs, answers, strict=True):
        wrong = fault(question, form, answer)
        if wrong:
            yield f"{described(question, form)}: {wrong}"


@pytest.mark.parametrize("number", range(3))
def test_the_score_command(number: int, folders_root: Path, tmp_path: Path) -> None:
    case = some("score command", 3)[number]
    folder = case.folder(folders_root)
    # Not refused, and in one file.
    ((question, form), *_) = drawn(
        case,
        "score command",
        1,
        lambda question, form: (
            is_file(question, form) and not form.sparse and question.expected(form) is not None
        ),
    )
    rows, output = tmp_path / f"rows{form.extension}", tmp_path / "output.csv"
    rows.write_bytes(question.encoded(form).body)
    command = [sys.executable, "-m", "datarobot_drum", "score", "--code-dir", str(folder.path)]
    command += ["--input", str(rows), "--output", str(output), *folder.args]
    done = subprocess.run(command, capture_output=True, env=environment(), check=False)
    where = f"{case.name}, {described(question, form)}"
    if done.returncode:
        refuse([f"{where}: {done.stderr.decode()[-500:]}"])
    wrong = difference(case, csv_columns(output.read_bytes()), question.expected(form))
    refuse([f"{where}: {wrong}"] if wrong else [])
