"""The processes of the server, their memory and the container's."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import psutil
import pytest

from datarobot_drum.drum.prediction.figures import usage
from datarobot_drum.drum.prediction.figures.usage import (
    MAX_AGE,
    PSS_AGE,
    PSS_TOO_OLD,
    CommonPages,
    UsageWatch,
)
from tests.unit.prediction.figures.steps import asked

FORK = multiprocessing.get_context("fork")
MEGABYTE = 1024 * 1024
CONTAINER = ("container_used", "container_limit", "container_max_used")


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def stay(there: Event, leave: Event) -> None:
    there.set()
    leave.wait(60)


@contextmanager
def child() -> Iterator[int]:
    """One that has started: what a start takes is over."""
    there, leave = FORK.Event(), FORK.Event()
    process = FORK.Process(target=stay, args=(there, leave))
    process.start()
    assert process.pid is not None
    assert there.wait(60)
    try:
        yield process.pid
    finally:
        leave.set()
        process.join()


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what other tests have left running."""
    monkeypatch.setattr(usage, "_children", lambda _pid: [])


def write_v2(root: Path, limit: str) -> None:
    folder = root / "sys/fs/cgroup"
    folder.mkdir(parents=True)
    (folder / "memory.current").write_text(f"{100 * MEGABYTE}\n")
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.peak").write_text(f"{150 * MEGABYTE}\n")


def write_v1(root: Path, limit: int) -> None:
    folder = root / "sys/fs/cgroup/memory"
    folder.mkdir(parents=True)
    (folder / "memory.usage_in_bytes").write_text(f"{100 * MEGABYTE}\n")
    (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (folder / "memory.max_usage_in_bytes").write_text(f"{150 * MEGABYTE}\n")


def container(root: Path) -> list[float | None]:
    memory = UsageWatch(root).look().memory
    return [memory[name] for name in CONTAINER]


def test_container_limits_of_cgroup_v2(tmp_path: Path) -> None:
    write_v2(tmp_path, str(200 * MEGABYTE))
    assert container(tmp_path) == [100, 200, 150]


def test_container_limits_of_cgroup_v1(tmp_path: Path) -> None:
    write_v1(tmp_path, 200 * MEGABYTE)
    assert container(tmp_path) == [100, 200, 150]


def test_no_peak_on_older_kernels(tmp_path: Path) -> None:
    write_v2(tmp_path, str(200 * MEGABYTE))
    (tmp_path / "sys/fs/cgroup/memory.peak").unlink()
    assert container(tmp_path) == [100, 200, None]


def test_no_limit_means_no_container(tmp_path: Path) -> None:
    write_v2(tmp_path, "max")
    assert container(tmp_path) == [None, None, None]


def test_outside_a_container(tmp_path: Path) -> None:
    assert container(tmp_path) == [None, None, None]


def test_memory_of_the_machine(tmp_path: Path) -> None:
    memory = UsageWatch(tmp_path).look().memory
    numbers = {name: value for name, value in memory.items() if name not in CONTAINER}
    assert set(numbers) == {"avail", "drum_pss", "drum_rss", "free", "total"}
    assert all(isinstance(value, float) and value > 0 for value in numbers.values())


def test_this_process_is_among_the_processes() -> None:
    processes = UsageWatch().look().processes
    (own,) = [process for process in processes if process["pid"] == os.getpid()]
    assert own["mem"] == pytest.approx(psutil.Process().memory_info().rss / MEGABYTE, rel=0.2)
    assert own["cmdline"] == psutil.Process().cmdline()


def work(seconds: float) -> float:
    """Returns how much it has become."""
    began = time.process_time()
    while time.process_time() < began + seconds:
        pass
    return time.process_time() - began


def test_work_is_told_in_percent_of_a_processor_since_the_look_before() -> None:
    clock = Clock()
    watch = UsageWatch(now=clock)

    def percent() -> dict[int, float]:
        return {process["pid"]: process["cpu_percent"] for process in watch.look().processes}

    with child() as idle:
        first = percent()
        worked = work(0.3)
        clock.seconds += 10
        second = percent()
        clock.seconds += 10
        third = percent()
    own = os.getpid()
    assert (first[own], first[idle]) == (0.0, 0.0)
    # The system counts in hundredths.
    assert 10 * worked - 0.5 <= second[own] <= 10 * worked + 5
    assert third[own] < second[own]
    # Waiting is no work, but for a hundredth that its start may have had left over.
    assert max(second[idle], third[idle]) <= 0.1


def test_an_id_that_is_given_again_does_not_inherit_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, found = Clock(), [usage._Process(1, 50.0, 1.0), usage._Process(1, 1.0, 2.0)]
    alone(monkeypatch)
    monkeypatch.setattr(UsageWatch, "_family", lambda _self: [os.getpid()])
    monkeypatch.setattr(usage, "_figures_of", lambda _pid: found.pop(0))
    watch = UsageWatch(now=clock)
    for _ in range(2):
        assert watch.look().processes[0]["cpu_percent"] == 0.0
        clock.seconds += 10


@pytest.mark.parametrize("missing", [False, True])
def test_the_figures_of_a_process_are_psutils(
    monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    if missing:
        # As on systems without such files.
        monkeypatch.setattr(usage, "_read", asked_for_what_is_not_there)
    figures, process = usage._figures_of(os.getpid()), psutil.Process()
    times = process.cpu_times()
    assert figures.resident == pytest.approx(process.memory_info().rss, rel=0.2)
    assert figures.worked == pytest.approx(times.user + times.system, abs=1)


def asked_for_what_is_not_there(path: str) -> bytes:
    raise FileNotFoundError(path)


def test_children_count_whichever_thread_started_them() -> None:
    with child() as one:
        found: list[int] = []

        def start_and_look() -> None:
            with child() as other:
                found.append(other)
                found.extend(process["pid"] for process in UsageWatch().look().processes)

        thread = threading.Thread(target=start_and_look)
        thread.start()
        thread.join()
    assert {one, found[0], os.getpid()} <= set(found[1:])


def test_of_many_threads_not_each_is_asked_for_its_children() -> None:
    """As servers have them, one for each connection."""
    entries = len(os.listdir("/proc"))
    leave = threading.Event()
    threads = [threading.Thread(target=leave.wait, daemon=True) for _ in range(2 * entries)]
    try:
        for thread in threads:
            thread.start()
        with child() as one:
            found: list[int] = []
            assert asked(lambda: found.extend(usage._children(os.getpid()))) < len(threads)
    finally:
        leave.set()
    assert one in found


def test_pages_that_processes_share_count_once() -> None:
    """What a fork leaves in place is in each one's resident memory."""
    with child():
        memory = UsageWatch().look().memory
    assert memory["drum_pss"] is not None
    assert memory["drum_rss"] is not None
    assert memory["drum_pss"] < 0.8 * memory["drum_rss"]


def test_no_share_where_the_system_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> bytes:
        raise PermissionError(path)

    alone(monkeypatch)
    monkeypatch.setattr(usage, "_read", refuse)
    found = UsageWatch().look()
    assert found.memory["drum_pss"] is None
    assert found.memory["drum_rss"] == pytest.approx(
        psutil.Process().memory_info().rss / MEGABYTE, rel=0.2
    )
    assert found.processes[0]["cmdline"] == psutil.Process().cmdline()


def test_a_process_that_ends_meanwhile_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with child() as gone:
        pass
    monkeypatch.setattr(usage, "_children", lambda _pid: [gone])
    assert [process["pid"] for process in UsageWatch().look().processes] == [os.getpid()]


def test_what_was_seen_is_told_again_for_a_second() -> None:
    clock = Clock()
    watch = UsageWatch(now=clock)
    first = watch.look()
    clock.seconds += MAX_AGE / 2
    assert watch.look() is first
    clock.seconds += MAX_AGE / 2
    assert watch.look() is not first


def test_common_pages_are_looked_at_beside_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the system milliseconds a process: who asks is told what is known."""
    clock, sizes, go_on = Clock(), [300, 200, 100], threading.Event()
    threads: list[threading.Thread] = []

    def share(_pid: int) -> int:
        threads.append(threading.current_thread())
        if len(threads) == 2:
            assert go_on.wait(60)
        return sizes.pop()

    monkeypatch.setattr(usage, "_share_of", share)
    pages = CommonPages(clock)
    assert pages.total([1]) == 100
    clock.seconds += PSS_AGE / 2
    assert pages.total([1]) == 100
    assert threads == [threading.current_thread()]
    clock.seconds += PSS_AGE / 2
    # One look at a time, however many ask.
    assert [pages.total([1]), pages.total([1])] == [100, 100]
    go_on.set()
    threads[1].join()
    assert pages.total([1]) == 200
    # Of so long ago nobody is told.
    clock.seconds += PSS_TOO_OLD
    assert pages.total([1]) == 300
    assert len(threads) == 3
    assert threads[2] is threading.current_thread()


def test_a_look_at_common_pages_that_takes_long_is_good_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, looks = Clock(), []

    def slow(_pid: int) -> int:
        clock.seconds += 1
        looks.append(1)
        return 100

    monkeypatch.setattr(usage, "_share_of", slow)
    pages = CommonPages(clock)
    pages.total([1])
    clock.seconds += 19
    pages.total([1])
    assert len(looks) == 1


def test_without_a_thread_to_be_had_what_is_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clock = Clock()
    pages = CommonPages(clock)
    first = pages.total([os.getpid()])
    monkeypatch.setattr(threading.Thread, "start", refuse)
    clock.seconds += PSS_AGE
    assert pages.total([os.getpid()]) == first


def test_a_look_asks_the_system_little(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch)
    watch = UsageWatch()
    watch.look()
    again = UsageWatch()
    assert 0 < asked(again.look) <= 15
    assert asked(again.look) == 0
