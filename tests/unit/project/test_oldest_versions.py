"""What `scripts/test-oldest` installs is what pyproject.toml allows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONSTRAINTS = (ROOT / "requirements" / "oldest.txt").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()


def pinned() -> dict[str, str]:
    ours, _, _ = CONSTRAINTS.partition("# Not ours")
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", ours, re.MULTILINE))


def bounds(text: str) -> dict[str, str]:
    """The lower bound of each requirement in it."""
    return dict(re.findall(r'"([\w-]+)(?:\[.*?\])?>=([\d.]+)', text))


def numbers(version: str) -> tuple[int, ...]:
    """``1.26`` and ``1.26.0`` are the same."""
    parts = [int(part) for part in version.split(".")]
    while not parts[-1]:
        parts.pop()
    return tuple(parts)


def test_pins_are_the_lower_bounds():
    lowest = bounds(PROJECT)
    assert {name: numbers(version) for name, version in pinned().items()} == {
        name: numbers(lowest[name]) for name in pinned()
    }


def test_everything_that_a_plain_install_needs_is_pinned():
    (core,) = re.findall(r"^dependencies = \[\n(.*?)^\]", PROJECT, re.MULTILINE | re.DOTALL)
    assert {"flask", "numpy", "pandas"} <= bounds(core).keys() <= pinned().keys()
