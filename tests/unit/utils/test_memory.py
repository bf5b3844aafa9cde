"""How much memory there is, in a container too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datarobot_drum.drum.utils.memory import available_memory

MACHINE = 8 * 4096


@pytest.mark.parametrize(("limit", "least"), [("4096", 4096), ("40960", MACHINE), ("max", MACHINE)])
def test_the_machine_or_the_group_counts(
    limit: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {"SC_PHYS_PAGES": 8, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", numbers.__getitem__)
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(limit)

    assert available_memory(tmp_path) == least


def test_systems_that_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")

    assert available_memory(tmp_path) is None
