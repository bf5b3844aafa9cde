"""The files that GitHub, pre-commit and contributors read are what their tools accept, and call
what exists."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / name
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True)


def accepted(name: str, *arguments: str | Path) -> None:
    done = tool(name, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def jobs(path: Path) -> dict[str, Any]:
    return dict(load(path)["jobs"])


def commands(path: Path) -> list[str]:
    steps = [step for job in jobs(path).values() for step in job.get("steps", [])]
    return [step["run"] for step in steps if "run" in step]


def test_workflows_follow_their_schema() -> None:
    accepted("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    accepted("check-jsonschema", "--builtin-schema", "vendor.dependabot", GITHUB / "dependabot.yml")


def test_workflows_give_nothing_away() -> None:
    accepted("zizmor", "--offline", "--no-config", "--strict-collection", GITHUB)


BREAKAGES = {
    "a misspelt key": ("runs-on:", "run-on:", "check-jsonschema"),
    "a tag, which moves": (r"(checkout)@\S+", r"\1@v6", "zizmor"),
    "a token left on the disk": ("persist-credentials: false", "fetch-depth: 1", "zizmor"),
    "text of others in a shell": (
        "run: scripts/check",
        "run: scripts/check ${{ github.head_ref }}",
        "zizmor",
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_linters_see_a_broken_workflow(tmp_path: Path, breakage: str) -> None:
    old, new, linter = BREAKAGES[breakage]
    text = (GITHUB / "workflows" / "tests.yml").read_text()
    broken = tmp_path / "tests.yml"
    broken.write_text(re.sub(old, new, text))
    assert broken.read_text() != text
    schema = ("--builtin-schema", "vendor.github-workflows")
    options = ("--offline", "--no-config") if linter == "zizmor" else schema
    assert tool(linter, *options, broken).returncode != 0


@workflows
def test_commands_are_scripts_of_ours(path: Path) -> None:
    for command in commands(path):
        script = ROOT / command.split()[0]
        assert script.parent == ROOT / "scripts"
        assert script.stat().st_mode & 0o111


def test_the_workflow_runs_all_that_has_to_pass() -> None:
    has_to_pass = set(re.findall(r"^\s*(scripts/[\w-]+)", (ROOT / ".ci" / "run").read_text(), re.M))
    assert {"scripts/check", "scripts/test"} <= has_to_pass
    assert has_to_pass <= set(commands(GITHUB / "workflows" / "tests.yml"))


def test_each_python_that_we_name_is_tested() -> None:
    lines = metadata.metadata("custom-model-runner").get_all("Classifier") or []
    named = [line.split()[-1] for line in lines if re.search(r":: 3\.\d+$", line)]
    job = jobs(GITHUB / "workflows" / "tests.yml")["linux"]
    assert job["strategy"]["matrix"]["python"] == named
    steps = [step.get("with", {}) for step in job["steps"]]
    assert "${{ matrix.python }}" in [step.get("python-version") for step in steps]


@workflows
def test_actions_are_pinned(path: Path) -> None:
    used = re.findall(r"uses: ([^.\s].*)", path.read_text())
    assert [action for action in used if not PINNED.match(action)] == []


def test_only_publishing_may_prove_who_it_is() -> None:
    release = jobs(GITHUB / "workflows" / "release.yml")
    assert release["publish"]["permissions"] == {"id-token": "write"}
    assert set(release["publish"]["needs"]) == {"tests", "build"}
    assert [load(path)["permissions"] for path in WORKFLOWS] == [{}] * len(WORKFLOWS)
    others = [job for path in WORKFLOWS for name, job in jobs(path).items() if name != "publish"]
    assert [job["permissions"] for job in others] == [{"contents": "read"}] * len(others)
    assert "secrets." not in "".join(path.read_text() for path in WORKFLOWS)


def test_hooks_before_a_commit() -> None:
    path = ROOT / ".pre-commit-config.yaml"
    accepted("pre-commit", "validate-config", path)
    local = [repo for repo in load(path)["repos"] if repo["repo"] == "local"]
    entries = [hook["entry"] for repo in local for hook in repo["hooks"]]
    assert entries == ["scripts/lint", "scripts/check"]
    assert all((ROOT / entry).is_file() for entry in entries)
