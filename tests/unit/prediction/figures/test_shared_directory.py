"""The directory of the figures: whose it is, and what becomes of it."""

from __future__ import annotations

import contextlib
import errno
import logging
import multiprocessing
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datarobot_drum.drum.prediction.figures import peers, shared_counters, shared_directory
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.figures.shared_counters import SharedCounters
from datarobot_drum.drum.prediction.figures.shared_directory import DIRECTORY_VARIABLE

FORK = multiprocessing.get_context("fork")
Full = Callable[[], None]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Full:
    """Call it, and the disk has no blocks left."""

    def refuse(_descriptor: int, _offset: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "posix_fallocate", refuse)


def directories(folder: Path) -> list[Path]:
    return sorted(folder.glob("drum-metrics-*"))


def serve_until_killed(with_child: bool) -> tuple[Path, int | None]:
    """A server that is killed, and a worker of its that is not."""
    reader, writer = os.pipe()
    server = os.fork()
    if server == 0:
        with shared_directory.shared_directory() as directory:
            child = os.fork() if with_child else None
            if child == 0:
                signal.pause()
            os.write(writer, f"{directory} {child or ''}".encode())
            signal.pause()
        os._exit(0)
    words = os.read(reader, 1000).decode().split()
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    os.close(reader)
    os.close(writer)
    return Path(words[0]), int(words[1]) if with_child else None


def test_what_a_killed_server_left_is_swept_by_the_next_start(folder: Path) -> None:
    left, _ = serve_until_killed(with_child=False)
    assert directories(folder) == [left]
    with shared_directory.shared_directory() as fresh:
        assert directories(folder) == [Path(str(fresh))]


def test_nothing_is_swept_while_one_of_its_processes_lives(folder: Path) -> None:
    left, child = serve_until_killed(with_child=True)
    assert child is not None
    with shared_directory.shared_directory():
        assert left in directories(folder)
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while left in directories(folder):
        assert time.monotonic() < deadline
        with shared_directory.shared_directory():
            pass


def test_servers_beside_each_other_leave_each_other_alone(folder: Path) -> None:
    with shared_directory.shared_directory() as one:
        del os.environ[DIRECTORY_VARIABLE]
        with shared_directory.shared_directory() as other:
            assert one != other
            assert len(directories(folder)) == 2


def test_what_another_user_or_a_stranger_left_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, _ = serve_until_killed(with_child=False)
    # Without an owner's file nobody can tell; a link may lead anywhere.
    (folder / "drum-metrics-unknown").mkdir()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner").touch()
    (folder / "drum-metrics-link").symlink_to(elsewhere)
    (folder / "drum-metrics-file").touch()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with shared_directory.shared_directory() as own:
        assert set(directories(folder)) > {theirs, Path(str(own))}
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with shared_directory.shared_directory() as own:
        left = {path.name for path in directories(folder)} - {Path(str(own)).name}
        assert left == {"drum-metrics-unknown", "drum-metrics-link", "drum-metrics-file"}
    assert (elsewhere / "owner").exists()


def test_servers_in_one_given_directory_leave_each_other_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = folder / "given"
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(given))
    with shared_directory.shared_directory() as first:
        # A worker of its has ended, and nobody has looked since.
        living, ended = SharedCounters(first), SharedCounters(first)
        for counters in (living, ended):
            counters.add((counters.slot("a"), 1.0))
        ended.close()
        monkeypatch.setenv(DIRECTORY_VARIABLE, str(given))
        with shared_directory.shared_directory() as second:
            other = SharedCounters(second)
            assert (other.totals(), living.totals()) == ({}, {"a": 2.0})
            other.close()
        assert living.totals() == {"a": 2.0}
        living.close()
    assert os.environ[DIRECTORY_VARIABLE] == str(given)
    assert list(given.iterdir()) == []


def test_what_lies_in_a_given_directory_is_neither_read_nor_touched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a_file").write_text("mine")
    for name in ("1_x.counters", "mine.counters", "retired.json", "counter_1.db"):
        (folder / name).write_text("mine")
    os.symlink("a_file", folder / "2_abcdefgh.counters")
    before = set(folder.iterdir())
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(folder))
    with shared_directory.shared_directory(), contextlib.closing(Metrics()) as metrics:
        assert b"drum_rows_total 0.0" in metrics.text({})
    assert set(folder.iterdir()) == before
    assert {path.read_text() for path in before} == {"mine"}


@pytest.mark.parametrize("why", ["a link", "another user", "others may write", "no directory"])
def test_a_given_directory_that_others_may_change_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    given, real = folder / "given", folder / "real"
    real.mkdir(mode=0o700)
    if why == "a link":
        given.symlink_to(real)
    elif why == "no directory":
        given.touch()
    else:
        given.mkdir()
        given.chmod(0o775 if why == "others may write" else 0o700)
    if why == "another user":
        theirs = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: theirs)
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(given))
    with caplog.at_level(logging.WARNING), shared_directory.shared_directory() as directory:
        # One of its own does as well.
        assert directory is not None and Path(directory).parent == folder
        assert os.environ[DIRECTORY_VARIABLE] == directory
    (told,) = caplog.records
    assert told.getMessage().startswith(f"{DIRECTORY_VARIABLE}: {given} is not used: ")
    assert list(real.iterdir()) == []


def test_a_server_without_workers_makes_one_only_where_it_was_asked_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared_directory.shared_directory(has_workers=False) as directory:
        assert directory is None
        assert DIRECTORY_VARIABLE not in os.environ
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(folder / "given"))
    with shared_directory.shared_directory(has_workers=False) as directory:
        assert directory is not None and Path(directory).parent == folder / "given"


def counted(*records: tuple[bytes, float]) -> bytes:
    """A whole file with these records."""
    area = b"".join(
        bytes([len(key)]) + key.ljust(peers.RECORD - 9, b"\0") + struct.pack("d", number)
        for key, number in records
    )
    return area.ljust(peers.SIZE, b"\0")


BROKEN_FILES = {
    "an empty file": b"",
    "half a file": counted((b"a", 1.0))[:1000],
    "no text": counted((b"\xff\xfe", 1.0)),
    "no number": counted((b"a", float("nan"))),
    "noise": b"\xfe" * peers.SIZE,
}


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("kind", [*BROKEN_FILES, "a link", "a pipe", "a directory"])
def test_a_broken_file_costs_its_own_figures_only(
    folder: Path, caplog: pytest.LogCaptureFixture, kind: str, dead: bool
) -> None:
    one, other = SharedCounters(str(folder)), SharedCounters(str(folder))
    for counters in (one, other):
        counters.add((counters.slot("a"), 1.0))
    broken = folder / "77_abcdefgh.counters"
    if kind == "a link":
        (folder / "elsewhere").write_bytes(counted((b"a", 1.0)))
        broken.symlink_to("elsewhere")
    elif kind == "a pipe":
        os.mkfifo(broken)
    elif kind == "a directory":
        broken.mkdir()
    else:
        broken.write_bytes(BROKEN_FILES[kind])
    if dead:
        other.close()
    for _ in range(3):
        assert one.totals() == {"a": 2.0}
    assert [record.getMessage() for record in caplog.records] == [peers.BROKEN % broken]
    one.close()
    if not dead:
        other.close()


@pytest.mark.parametrize("text", ["", "[", "[]", '{"a": "b"}', '{"a": NaN}', "[" * 100_000, "\xff"])
def test_broken_figures_of_the_dead_cost_themselves_only(folder: Path, text: str) -> None:
    one, dead = SharedCounters(str(folder)), SharedCounters(str(folder))
    (folder / peers.RETIRED).write_text(text, encoding="latin-1")
    dead.add((dead.slot("a"), 1.0))
    assert one.totals() == {"a": 1.0}
    dead.close()
    assert [one.totals(), one.totals()] == [{"a": 1.0}, {"a": 1.0}]
    one.close()


USERS = """
import os, sys
from prometheus_client import Counter, Gauge
from datarobot_drum.drum.prediction.figures.metrics import Metrics
metrics = Metrics()
Counter("mine", "help").inc()
Gauge("level", "help", multiprocess_mode="all").set(3)
directory = os.environ["PROMETHEUS_MULTIPROC_DIR"]
for name, content in (
    ("counter_7.db", b""), ("counter_8.db", b"\\xff" * 100), ("histogram_9.db", b"\\0" * 2),
    ("nonsense.db", b"x"), ("gauge.db", b"x"), ("gauge_all_7.db", b"\\1\\1\\0\\0" + b"\\1" * 300),
):
    with open(os.path.join(directory, name), "wb") as file:
        file.write(content)
os.mkfifo(os.path.join(directory, "counter_10.db"))
os.symlink("counter_8.db", os.path.join(directory, "counter_11.db"))
for _ in range(2):
    sys.stdout.write(metrics.text({}).decode())
"""


def test_a_broken_file_of_the_users_metrics_costs_its_own_only(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", USERS],
        env={**os.environ, DIRECTORY_VARIABLE: str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.count("mine_total 1.0") == 2, done.stderr
    assert done.stdout.count("drum_rows_total 0.0") == 2
    assert re.findall(r'^level\{pid="\d+"\} 3.0', done.stdout, re.MULTILINE)


@pytest.mark.parametrize("given", [False, True])
def test_without_room_the_figures_are_not_shared_and_that_is_told_once(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    full: Full,
    given: bool,
) -> None:
    told = [shared_directory.NO_DIRECTORY % ("No space left on device", DIRECTORY_VARIABLE)]
    if given:
        path = str(folder / "given")
        monkeypatch.setenv(DIRECTORY_VARIABLE, path)
        why = (DIRECTORY_VARIABLE, path, "No space left on device")
        told.insert(0, shared_directory.NOT_USED % why)
    full()
    with caplog.at_level(logging.WARNING), shared_directory.shared_directory() as directory:
        assert directory is None
        assert DIRECTORY_VARIABLE not in os.environ
    assert [record.getMessage() for record in caplog.records] == told
    assert directories(folder) == []


def test_without_a_folder_for_temporary_files_there_is_no_directory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with shared_directory.shared_directory() as directory:
        assert directory is None
    assert len(caplog.records) == 1


def test_a_file_has_its_blocks_before_anything_is_written(folder: Path) -> None:
    """Writing to a mapped page without one is a SIGBUS where the disk is full."""
    counters = SharedCounters(str(folder))
    (path,) = folder.glob("*.counters")
    for number in range(3000):
        counters.slot(f"key {number}")
        used = (len(counters.totals()) + 1) * peers.RECORD
        assert path.stat().st_blocks * 512 >= used
    counters.close()


def test_counting_goes_on_where_there_is_no_room_for_a_file(
    folder: Path, caplog: pytest.LogCaptureFixture, full: Full
) -> None:
    full()
    counters = SharedCounters(str(folder))
    counters.add((counters.slot("a"), 1.0))
    assert counters.totals() == {"a": 1.0}
    assert list(folder.iterdir()) == []
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text


def test_counting_goes_on_where_a_file_finds_no_room_to_grow(
    folder: Path, caplog: pytest.LogCaptureFixture, full: Full
) -> None:
    one, other = SharedCounters(str(folder)), SharedCounters(str(folder))
    one.add((one.slot("a"), 1.0))
    other.add((other.slot("a"), 1.0))
    full()
    for number in range(2000):
        one.add((one.slot(f"key {number}"), 1.0))
    one.add((one.slot("a"), 1.0))
    totals = one.totals()
    assert totals["a"] == 2
    assert len(totals) == 2001
    assert len(caplog.records) == 1
    # What it had counted up to then is not lost to the others.
    assert other.totals()["a"] == 2
    other.close()


def test_figures_are_told_where_those_of_the_dead_cannot_be_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    one, dead = SharedCounters(str(folder)), SharedCounters(str(folder))
    dead.add((dead.slot("a"), 1.0))
    dead.close()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        assert [one.totals(), one.totals()] == [{"a": 1.0}, {"a": 1.0}]
    assert one.totals() == {"a": 1.0}
    assert len(list(folder.glob("*.counters"))) == 1
    shutil.rmtree(folder)
    assert one.totals() == {"a": 1.0}
    one.close()


def test_a_file_system_that_promises_no_blocks_is_used_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _offset: int, _size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    one, other = SharedCounters(str(folder)), shared_counters.SharedCounters(str(folder))
    one.add((one.slot("a"), 1.0))
    assert other.totals() == {"a": 1.0}
    one.close()
    other.close()
