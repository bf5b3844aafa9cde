"""What ``/stats/`` is made of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datarobot_drum.drum.prediction.figures.stats import TimingWindow, memory_info, process_info

MEGABYTE = 1024 * 1024
CONTAINER = ("container_used", "container_limit", "container_max_used")


def write_v2(root: Path, limit: str) -> None:
    (root / "memory.current").write_text(f"{100 * MEGABYTE}\n")
    (root / "memory.max").write_text(f"{limit}\n")
    (root / "memory.peak").write_text(f"{150 * MEGABYTE}\n")


def write_v1(root: Path, limit: int) -> None:
    (root / "memory").mkdir()
    (root / "memory/memory.usage_in_bytes").write_text(f"{100 * MEGABYTE}\n")
    (root / "memory/memory.limit_in_bytes").write_text(f"{limit}\n")
    (root / "memory/memory.max_usage_in_bytes").write_text(f"{150 * MEGABYTE}\n")


def container(root: Path) -> list[float | None]:
    info = memory_info(root)
    return [info[name] for name in CONTAINER]


def test_container_limits_of_cgroup_v2(tmp_path: Path) -> None:
    write_v2(tmp_path, str(200 * MEGABYTE))
    assert container(tmp_path) == [100, 200, 150]


def test_container_limits_of_cgroup_v1(tmp_path: Path) -> None:
    write_v1(tmp_path, 200 * MEGABYTE)
    assert container(tmp_path) == [100, 200, 150]


def test_no_peak_on_older_kernels(tmp_path: Path) -> None:
    write_v2(tmp_path, str(200 * MEGABYTE))
    (tmp_path / "memory.peak").unlink()
    assert container(tmp_path) == [100, 200, None]


def test_no_limit_means_no_container(tmp_path: Path) -> None:
    write_v2(tmp_path, "max")
    assert container(tmp_path) == [None, None, None]


def test_no_limit_of_cgroup_v1_means_no_container(tmp_path: Path) -> None:
    write_v1(tmp_path, 9223372036854771712)
    assert container(tmp_path) == [None, None, None]


def test_outside_a_container(tmp_path: Path) -> None:
    assert container(tmp_path) == [None, None, None]


def test_memory_of_the_machine(tmp_path: Path) -> None:
    info = memory_info(tmp_path)
    numbers = {name: value for name, value in info.items() if name not in CONTAINER}
    assert set(numbers) == {"avail", "drum_rss", "free", "total"}
    assert all(isinstance(value, float) and value > 0 for value in numbers.values())


def test_this_process_is_among_the_processes() -> None:
    (own,) = [process for process in process_info() if process["pid"] == os.getpid()]
    assert own["mem"] > 0
    assert own["cmdline"]


def test_timing_since_the_last_look() -> None:
    window = TimingWindow()
    for seconds in (0.25, 0.5, 0.75):
        window.add(seconds)
    assert window.take() == {"avg": 0.5, "max": 0.75, "min": 0.25, "total": 1.5}
    window.add(2)
    assert window.take() == {"avg": 2, "max": 2, "min": 2, "total": 2}


def test_nothing_since_the_last_look() -> None:
    assert TimingWindow().take() == {"avg": None, "max": None, "min": None, "total": None}


@pytest.mark.parametrize("seconds", [0.0004, 0.0])
def test_times_have_three_decimals(seconds: float) -> None:
    window = TimingWindow()
    window.add(seconds)
    assert set(window.take().values()) == {0.0}
