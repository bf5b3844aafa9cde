"""scripts/needs-oldest: whether anything that depends on the versions of others has changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.unit.project.modules import FILES

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "needs-oldest"
DAY = 24 * 60 * 60
# Any day; what counts is how far apart commits are.
START = 1_700_000_000

NEEDED, NOT_NEEDED = 0, 1


class Checkout:
    """A git repository with the script in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._now = START
        (folder / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPT, folder / "scripts")
        self.git("init", "--quiet")
        self.commit("pyproject.toml")

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *words]
        date = f"{self._now} +0000"
        env = {**clean_environment(), "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        return subprocess.run(
            command, cwd=self.folder, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, path: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as text:
            text.write("one more line\n")
        return file

    def commit(self, path: str, days_later: float = 0) -> str:
        """Change one file; the commit's id."""
        self._now += int(days_later * DAY)
        self.write(path)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Change {path}")
        return self.git("rev-parse", "HEAD")

    def ask(self, *words: str) -> int:
        return subprocess.run(
            [self.folder / "scripts" / "needs-oldest", *words],
            env=clean_environment(),
            capture_output=True,
        ).returncode


def clean_environment() -> dict[str, str]:
    """Without the developer's own git settings, or a hook's that runs this."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


DEPEND = [
    "pyproject.toml",
    "requirements/oldest.txt",
    "custom_model_runner/datarobot_drum/drum/model/artifacts/onnx.py",
    "custom_model_runner/datarobot_drum/drum/prediction/payload/csv/rows.py",
    "custom_model_runner/datarobot_drum/drum/fastapi/app.py",
    "tests/unit/model/test_columns.py",
    "tests/contract/test_formats.py",
]
OTHERS = [
    "docs/design.md",
    "benchmarks/serving.py",
    "custom_model_runner/datarobot_drum/drum/commands/score.py",
    "tests/servers/test_tls.py",
]


def test_what_depends_on_versions_counts(checkout: Checkout) -> None:
    asked = {}
    for path in DEPEND + OTHERS:
        checkout.commit(path)
        asked[path] = checkout.ask("HEAD~1")
    assert asked == dict.fromkeys(DEPEND, NEEDED) | dict.fromkeys(OTHERS, NOT_NEEDED)


def pinned_modules() -> set[str]:
    """What to import of the packages in requirements/oldest.txt that are installed."""
    text = (ROOT / "requirements" / "oldest.txt").read_text()
    pinned = {name.lower() for name in re.findall(r"^([\w-]+)==", text, re.MULTILINE)}
    owners = packages_distributions().items()
    return {module for module, names in owners if pinned & {name.lower() for name in names}}


def test_every_room_that_imports_what_is_pinned_counts(checkout: Checkout) -> None:
    imports = re.compile(rf"^ *(?:import|from) (?:{'|'.join(pinned_modules())})\b", re.MULTILINE)
    # Of each folder one will do.
    found = {path.parent: path for path in FILES.values() if imports.search(path.read_text())}
    assert len(found) > 5  # fewer where the frameworks are not installed
    left_out = []
    for path in found.values():
        written = checkout.write(str(path.relative_to(ROOT)))
        if checkout.ask("HEAD") != NEEDED:
            left_out.append(path)
        written.unlink()
    assert left_out == []


def test_one_of_several_commits_counts(checkout: Checkout) -> None:
    before = checkout.commit("README.md")
    checkout.commit("pyproject.toml")
    checkout.commit("README.md")
    assert checkout.ask(before) == NEEDED


def test_a_removed_file_counts(checkout: Checkout) -> None:
    before = checkout.commit("requirements/oldest.txt")
    checkout.git("rm", "--quiet", "requirements/oldest.txt")
    checkout.commit("README.md")
    assert checkout.ask(before) == NEEDED


@pytest.mark.parametrize("path", ["pyproject.toml", "requirements/new.txt"])
def test_what_is_not_committed_counts(checkout: Checkout, path: str) -> None:
    checkout.write(path)
    assert checkout.ask("HEAD") == NEEDED


def test_without_a_commit_it_looks_back_two_days(checkout: Checkout) -> None:
    checkout.commit("README.md", days_later=3)
    assert checkout.ask() == NOT_NEEDED
    checkout.commit("pyproject.toml")
    assert checkout.ask() == NEEDED
    checkout.commit("README.md", days_later=1.5)
    assert checkout.ask() == NEEDED
    checkout.commit("README.md", days_later=1)
    assert checkout.ask() == NOT_NEEDED


def test_a_merged_branch_counts_from_its_merge(checkout: Checkout) -> None:
    checkout.git("branch", "old-work")
    checkout.commit("README.md")
    checkout.git("checkout", "--quiet", "old-work")
    checkout.commit("requirements/oldest.txt")
    checkout.git("checkout", "--quiet", "-")
    checkout.commit("README.md", days_later=5)
    checkout.git("merge", "--quiet", "--no-edit", "old-work")
    assert checkout.ask() == NEEDED


def test_in_doubt_it_runs(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit("README.md", days_later=3)
    assert checkout.ask("0" * 40) == NEEDED
    assert checkout.ask("no-such-branch") == NEEDED
    shallow = Checkout.__new__(Checkout)
    shallow.folder = tmp_path / "shallow"
    checkout.git("clone", "--quiet", "--depth", "1", checkout.folder.as_uri(), str(shallow.folder))
    assert shallow.ask() == NEEDED
    shutil.rmtree(shallow.folder / ".git")
    assert shallow.ask() == NEEDED
