"""What docs/compatibility.md says is what the tests show."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
PAGE = (TESTS.parent / "docs" / "compatibility.md").read_text()


def test_every_test_that_the_page_names_is_there():
    defined = {path.name for path in TESTS.rglob("test_*.py")}
    for path in TESTS.rglob("test_*.py"):
        defined.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    named = set(re.findall(r"`(test_[\w.]+)`", PAGE))
    assert len(named) > 50
    assert named - defined == set()


def test_every_decision_has_a_line_with_a_test():
    rows = re.findall(r"^\| (\d+) \| .*\| (`test_.*`) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 30))
