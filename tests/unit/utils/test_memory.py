"""How much memory there is, in a container too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datarobot_drum.drum.utils.memory import available_memory

MACHINE = 8 * 4096


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"SC_PHYS_PAGES": 8, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", numbers.__getitem__)


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        (None, {}, MACHINE),
        (None, {"memory.max": "4096\n"}, 4096),
        (None, {"memory/memory.limit_in_bytes": "4096\n"}, 4096),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/\n", {"memory.max": "4096\n"}, 4096),
        ("0::/pod/own\n", {"pod/own/memory.max": "4096\n"}, 4096),
        ("0::/pod/own\n", {"pod/own/memory.max": "max\n", "pod/memory.max": "4096\n"}, 4096),
        ("0::/pod/own\n", {"pod/own/memory.max": "8192\n", "pod/memory.max": "4096\n"}, 4096),
        ("0::/own\n", {"other/memory.max": "4096\n"}, MACHINE),
        ("4:memory:/own\n0::/\n", {"memory/own/memory.limit_in_bytes": "4096\n"}, 4096),
        # In a container without a namespace for its groups the path is the host's.
        ("4:memory:/docker/own\n", {"memory/memory.limit_in_bytes": "4096\n"}, 4096),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
        ("4:cpu:/own\n", {"cpu/own/memory.limit_in_bytes": "4096\n"}, MACHINE),
        ("0::/\n", {"memory.max": "nonsense\n"}, MACHINE),
        ("nonsense\n", {}, MACHINE),
    ],
)
def test_the_least_limit_of_the_own_groups_counts(
    tmp_path: Path, groups: str | None, files: dict[str, str], limit: int
) -> None:
    own = tmp_path / "own-groups"
    if groups is not None:
        own.write_text(groups)
    root = tmp_path / "cgroup"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    assert available_memory(root, own) == limit


def test_systems_that_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")

    assert available_memory(tmp_path, tmp_path / "none") is None
