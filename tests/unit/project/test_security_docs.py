"""What docs/security.md promises is what the tests show."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
ROOT = TESTS.parent
PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_test_that_the_page_names_is_there() -> None:
    defined = {path.name for path in TESTS.rglob("test_*.py")}
    for path in TESTS.rglob("test_*.py"):
        defined.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    named = set(re.findall(r"`(test_[\w.]+)`", PAGE))
    assert named - defined == set()


def test_every_promise_names_a_test() -> None:
    _, _, promises = PAGE.partition("## What is promised")
    promises, _, _ = promises.partition("## What is not promised")
    rows = re.findall(r"^\| (?!promise |---)(.*) \| (.*) \|$", promises, re.MULTILINE)
    assert len(rows) > 15
    assert [promise for promise, tests in rows if not re.match("`test_", tests)] == []


def test_the_page_is_linked() -> None:
    for name in ("README.md", "SECURITY.md"):
        assert "](docs/security.md)" in (ROOT / name).read_text()
    assert "](../SECURITY.md)" in PAGE
