"""What `scripts/test-oldest` installs is what pyproject.toml allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONSTRAINTS = (ROOT / "requirements" / "oldest.txt").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()


# The first version without holes that were known in 2026; what came later scripts/check knows.
SOUND = {
    "fastapi": "0.120.1",  # the first that takes that Starlette
    "flask": "3.1.3",  # CVE-2025-47278, CVE-2026-27205
    "h11": "0.16",  # CVE-2025-43859
    "keras": "3.12.1",  # CVE-2025-1550, -8747, -9905, -9906, -12058, -12060, CVE-2026-0897
    "lightgbm": "4.6",  # CVE-2024-43598
    "mlflow-skinny": "3.9",  # archives that write anywhere
    "orjson": "3.11.6",  # CVE-2025-67221
    "pyarrow": "23.0.1",  # CVE-2026-25087
    "scikit-learn": "1.5",  # CVE-2024-5206
    "skops": "0.13",  # CVE-2025-54412, -54413, -54886
    "starlette": "0.49.1",  # CVE-2024-47874, CVE-2025-54121, CVE-2025-62727
    "torch": "2.10",  # CVE-2025-32434, CVE-2026-24747
    "Werkzeug": "3.1.6",  # CVE-2024-34069, -49766, -49767, CVE-2025-66221, CVE-2026-21860, -27199
}


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


@pytest.mark.parametrize("name", SOUND)
def test_bounds_leave_out_versions_with_known_holes(name: str) -> None:
    assert numbers(bounds(PROJECT)[name]) >= numbers(SOUND[name])


def test_what_reads_requests_is_bounded_by_ourselves() -> None:
    """Not only by what FastAPI, Flask and uvicorn ask for, which is older."""
    assert {"h11", "starlette", "Werkzeug"} <= pinned().keys()
