"""Files of figures that are broken, or are none: they cost their own figures only."""

from __future__ import annotations

import multiprocessing
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from datarobot_drum.drum.prediction.figures import peers
from datarobot_drum.drum.prediction.figures.shared_counters import SharedCounters
from datarobot_drum.drum.prediction.figures.shared_directory import DIRECTORY_VARIABLE

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    return tmp_path


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


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a directory"])
def test_figures_of_the_dead_are_read_from_a_file_only(folder: Path, kind: str) -> None:
    one = SharedCounters(str(folder))
    retired = folder / peers.RETIRED
    if kind == "a pipe":
        os.mkfifo(retired)
    elif kind == "a link":
        retired.symlink_to("/dev/zero")
    else:
        retired.mkdir()
    one.add((one.slot("a"), 1.0))
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
