"""What scripts/check says of versions with known holes, whether or not the index answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit

ROOT = Path(__file__).parents[3]
PROJECT = (ROOT / "pyproject.toml").read_text()


def entry(name: str, *holes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(holes)}


def hole(number: int, *closed: str) -> dict[str, Any]:
    return {"id": f"PYSEC-{number}", "aliases": [f"CVE-{number}"], "fix_versions": list(closed)}


SKIPPED = {"name": "c", "skip_reason": "Dependency not found"}


def tool(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Put a program in the place of pip-audit."""
    monkeypatch.setattr(audit, "command", lambda _file: [sys.executable, "-c", program])


def answer(monkeypatch: pytest.MonkeyPatch, *entries: dict[str, Any]) -> None:
    tool(monkeypatch, f"print({json.dumps({'dependencies': entries})!r})")


def test_what_users_may_have_is_asked_for() -> None:
    versions = audit.lowest(PROJECT, audit.OLDEST.read_text())
    assert {"flask", "Werkzeug", "starlette", "h11", "torch", "scipy"} <= versions.keys()
    # The newest of these are installed, and by nobody who serves.
    assert not {"pytest", "ruff", "mkdocs-material", "onnx"} & versions.keys()
    assert versions["flask"] == "3.1.3"


def test_no_hole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(monkeypatch, entry("a"), entry("b"))
    assert audit.main() == 0
    assert capsys.readouterr().out == "ok\n"


def test_a_hole_that_a_newer_version_closes_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, entry("a", hole(1, "1.1")), entry("b"), SKIPPED)
    assert audit.main() == 1
    told = capsys.readouterr().out
    assert told.startswith("FAILED\n  a 1.0: PYSEC-1, CVE-1; closed in 1.1\n")
    assert "not known to the index: c" in told
    assert "Raise the lower bounds in pyproject.toml" in told


def test_a_hole_that_nothing_closes_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, entry("a", hole(1)))
    assert audit.main() == 0
    assert capsys.readouterr().out == "ok\n  a 1.0: PYSEC-1, CVE-1; still open\n"


NO_ANSWERS = {
    "import sys; sys.exit('ERROR: could not connect')": "ERROR: could not connect",
    "pass": "pip-audit ended with 0",
    "import time; time.sleep(60)": "no answer within 0.5 seconds",
    f"print({json.dumps({'dependencies': [SKIPPED]})!r})": (
        "the index answers for none of these versions"
    ),
}


@pytest.mark.parametrize("program", NO_ANSWERS)
def test_without_an_answer_nothing_has_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str
) -> None:
    if "sleep" in program:
        monkeypatch.setattr(audit, "LIMIT", 0.5)
    tool(monkeypatch, program)
    assert audit.main() == 0
    assert capsys.readouterr().out == f"not done: {NO_ANSWERS[program]}\n"


def test_pip_audit_takes_the_command() -> None:
    """All but the question itself: an unknown option would end it otherwise."""
    pytest.importorskip("pip_audit")
    done = subprocess.run([*audit.command("none.txt"), "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_script_asks() -> None:
    assert "scripts/audit.py || failed=1" in (ROOT / "scripts" / "check").read_text()
