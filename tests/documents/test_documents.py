"""Every block of code and every command of the documents is run, or held to what exists."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import shutil
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.enum import MODEL_CONFIG_FILENAME
from datarobot_drum.drum.knobs.strangers import WITHOUT_EFFECT
from datarobot_drum.drum.knobs.table import KNOB_BY_NAME
from datarobot_drum.drum.model.metadata import read_metadata
from datarobot_drum.drum.prediction.figures.metrics import FAMILIES
from datarobot_drum.drum.serving.access_log import Exchange
from tests.documents.commands import (
    CHECKS,
    HANDED_ON,
    OPTIONS,
    PACKAGE,
    check,
    name_of,
    options_of_drum,
)
from tests.documents.pages import (
    COMMENTED,
    PAGES,
    ROOT,
    SHELL,
    Block,
    Command,
    blocks,
    shown,
    spans,
)
from tests.documents.sessions import play, run
from tests.examples.conftest import ARTIFACTS, NAMES
from tests.examples.test_examples import PROBES
from tests.unit.serving.fronts import front

BLOCKS = blocks()
# Programs that are not run here, and why. What they name is held to what exists.
NOT_RUN = {
    "docker": "needs a daemon, and an index for what goes into the image",
    "kubectl": "needs a cluster",
    "pip": "downloads; what it would install is an extra, or in one",
    "pytest": "runs these tests",
    "scripts/": "make an environment each; CI runs them, and their own tests",
}
# By whom else a program of the documents is run.
RUN = {
    "drum": "test_the_commands_of_a_page, tests/examples",
    "curl": "test_the_commands_of_a_page",
    "export": "test_the_commands_of_a_page",
    "python": "tests/examples (train.py); benchmarks measure, and are not run",
}
# Blocks that are no code, by how they begin.
SHOWN = {
    "docs/design.md": "__main__ · entry_point · main",  # the floors: test_architecture.py has them
    "docs/operations.md": "10.0.0.7 - - [",  # test_the_line_of_the_access_log
}


def is_shown(block: Block) -> bool:
    return block.text.startswith(SHOWN.get(shown(block.page), "\0"))


SHELL_BLOCKS = [block for block in BLOCKS if block.language in SHELL and not is_shown(block)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
YAML = [block for block in BLOCKS if block.language == "yaml"]


def test_no_block_is_of_another_kind() -> None:
    no_code = [block for block in BLOCKS if is_shown(block)]
    known = {*SHELL_BLOCKS, *PYTHON, *YAML, *no_code}
    assert [str(block) for block in BLOCKS if block not in known] == []
    assert len(no_code) == len(SHOWN)
    fences = sum(page.read_text().count("\n```") for page in PAGES)
    assert len([block for block in BLOCKS if block.page in PAGES]) >= fences / 2 + len(NAMES)


def test_every_program_is_run_or_named_with_the_reason_why_not() -> None:
    programs = {command.program for block in SHELL_BLOCKS for command in block.commands}
    programs |= {command.program for _, command in inline_commands()}
    kinds = {"scripts/" if name.startswith("scripts/") else name for name in programs}
    assert kinds == {*NOT_RUN, *RUN}


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_commands_name_what_exists(block: Block) -> None:
    for command in block.commands:
        check(command, block.page.parent)


def inline_commands() -> list[tuple[Path, Command]]:
    """Commands in the text. Not those that say themselves that they are no command."""
    starts = (*CHECKS, *OPTIONS, *HANDED_ON, "scripts/check", "scripts/docs", "scripts/lint")
    found = []
    for page, span in spans():
        for line in span.split(" && "):
            bare = re.sub(r"^([A-Z_]+=\S+ )+", "", line).removeprefix(".venv/bin/")
            if bare.split(" ")[0] in starts and not re.search(r"\.\.\./|/$", line):
                found.append((page, Command(line.replace(" --index-url ...", ""))))
    return found


@pytest.mark.parametrize(("page", "command"), inline_commands(), ids=lambda part: None)
def test_commands_in_the_text_name_what_exists(page: Path, command: Command) -> None:
    if command.words[1:] and command.words != ["pip", "install"]:
        check(command, page.parent)


@cache
def sources() -> str:
    files = [path for room in ("scripts", "benchmarks") for path in (ROOT / room).iterdir()]
    return "".join(path.read_text() for path in files if path.is_file())


def test_options_in_the_text_are_somebodys() -> None:
    known = options_of_drum()
    for page, span in spans():
        option = re.match(r"(--[a-z-]+)(\*)?", span)
        if option:
            name, starred = option.groups()
            ours = any(o.startswith(name) for o in known) if starred else name in known
            assert ours or f'"{name}"' in sources(), f"{shown(page)}: {span}"


def test_parameters_in_the_text_exist() -> None:
    for page in (*PAGES, *COMMENTED):
        named = set(re.findall(r"\b(DRUM_[A-Z0-9_]+[A-Z0-9])\b(?!_)", page.read_text()))
        unknown = named - set(KNOB_BY_NAME) - WITHOUT_EFFECT
        assert not unknown, f"{shown(page)}: {unknown}"


def test_the_line_of_the_access_log() -> None:
    (sample,) = [block.text for block in BLOCKS if block.text.startswith("10.0.0.7 - - [")]
    request = "POST /predict/ HTTP/1.1"
    made = Exchange(
        "10.0.0.7", request, "POST", "/predict/", 200, 72, 0.002214, 1e9, "...", agent="curl/8.5.0"
    ).line(as_json=False)
    when = re.compile(r"\[[^]]+\]")
    assert when.sub("", made) == when.sub("", sample.rstrip())


def test_files_in_the_text_exist() -> None:
    rooms = (
        "requirements",
        "custom_model_runner",
        "tests",
        "benchmarks",
        "scripts",
        "docs",
        "examples",
        "deploy",
    )
    files = [str(path) for room in rooms for path in (ROOT / room).rglob("*.*")]
    for page, span in spans():
        if re.fullmatch(r"[\w-]+(/[\w.-]+)+\.(py|md|yaml|json|svg|txt)", span):
            assert any(name.endswith(f"/{span}") for name in files), f"{shown(page)}: {span}"


# --- what is run


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A folder as the pages' user has it: models beside rows."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 2.0]})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    for name in ("my_model", "model"):
        folder = tmp_path / name
        folder.mkdir()
        model = LinearRegression().fit(rows, rows["a"] + rows["b"])
        (folder / "model.pkl").write_bytes(pickle.dumps(model))
        (folder / MODEL_CONFIG_FILENAME).write_text(
            "name: sums\ntype: inference\ntargetType: regression\n"
        )
    return tmp_path


SESSIONS = [
    block
    for block in SHELL_BLOCKS
    if block.page.parent.parent != ROOT / "examples"
    and any(command.program == "drum" for command in block.commands)
]


@pytest.mark.servers
@pytest.mark.parametrize("block", SESSIONS, ids=str)
def test_the_commands_of_a_page(user: Path, block: Block) -> None:
    told = play(block.commands, user)
    assert any(command.words[1] == "server" for command, _ in told)
    for command, text in told:
        if command.program == "curl":
            answers = json.loads(text)["predictions"]
            assert [round(answer, 9) for answer in answers] == [4, 3, 6]
        elif command.words[1] == "score":
            output = command.words[command.words.index("--output") + 1]
            assert pd.read_csv(user / output)["Predictions"].round(9).tolist() == [4, 3, 6]


ASKED = [
    block
    for block in SHELL_BLOCKS
    if block.page.parent.parent == ROOT / "examples"
    and any(command.program == "curl" for command in block.commands)
]


@pytest.mark.servers
@pytest.mark.parametrize("block", ASKED, ids=str)
def test_the_questions_of_an_example_are_answered(tmp_path: Path, block: Block) -> None:
    """Those without a question are served in process: tests/examples."""
    folder = tmp_path / "folder"
    shutil.copytree(block.page.parent, folder, ignore=shutil.ignore_patterns(*ARTIFACTS))
    if (folder / "train.py").exists():
        run([sys.executable, "train.py"], folder, dict(os.environ))
    served = [command for command in block.commands if command.words[:2] != ["drum", "score"]]
    answers = [text for command, text in play(tuple(served), folder) if command.program == "curl"]
    assert answers
    assert all(answers)


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_an_extension_lets_probes_pass_and_nothing_else(block: Block) -> None:
    name = re.match(r"# custom_(flask|fastapi)\.py\n", block.text)
    assert name is not None, "say in the first line which file it is, and here how to run it"
    extension: dict[str, object] = {}
    exec(block.text, extension)
    with front(name[1], extension["init_app"]) as (client, _, _):  # type: ignore[arg-type]
        assert {path: client.get(path).status for path in PROBES} == dict.fromkeys(PROBES, 200)
        assert client.get("/info/").status == 401


@pytest.mark.parametrize("block", YAML, ids=str)
def test_yaml_is_what_its_reader_takes(block: Block, tmp_path: Path) -> None:
    content = yaml.safe_load(block.text)
    if "targetType" in content:
        (tmp_path / MODEL_CONFIG_FILENAME).write_text(block.text)
        assert read_metadata(str(tmp_path)) is not None
        return
    (rule,) = content["rules"]
    (series,) = re.findall(r"^\w+", rule["seriesQuery"])
    assert series in {family.name for family in FAMILIES}
    assert {"seriesQuery", "resources", "metricsQuery"} == set(rule)


# What `pip install '.[sklearn,server]'` brings, which examples/README.md tells to begin with.
BROUGHT = ("sklearn", "server")


def brought() -> set[str]:
    """The packages of the extras, and those that they bring along."""
    requirements = metadata.requires(PACKAGE) or []
    extras = {"gunicorn", "fastapi", *BROUGHT}
    wanted = [
        name_of(requirement)
        for requirement in requirements
        if not (extra := re.search(r"extra == ['\"]([\w-]+)", requirement)) or extra[1] in extras
    ]
    return {*wanted, "scipy", "joblib"}


@pytest.mark.parametrize("name", NAMES)
def test_the_packages_that_an_example_imports_are_named(name: str) -> None:
    assert f"pip install '.[{','.join(BROUGHT)}]'" in (ROOT / "examples" / "README.md").read_text()
    folder = ROOT / "examples" / name
    named = {
        name_of(word)
        for install in re.findall(r"pip install ([^`\n]+)", (folder / "README.md").read_text())
        for word in install.split()
    }
    distributions = metadata.packages_distributions()
    for path in folder.glob("*.py"):
        for module in imported(path) - sys.stdlib_module_names - {"datarobot_drum"}:
            if not (folder / f"{module}.py").exists():
                homes = {name_of(home) for home in distributions.get(module, [module])}
                homes |= SAME.get(module, set())
                assert homes & (named | brought()), f"{path}: {module}"


# One module comes in packages of several names.
SAME = {"xgboost": {"xgboost"}, "mlflow": {"mlflow-skinny"}}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found
