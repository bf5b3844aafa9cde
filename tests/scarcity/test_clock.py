"""The time of day jumps: whoever sets a clock ends no request and no worker."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import datarobot_drum
from tests.scarcity.starving import Starving

PACKAGE = Path(datarobot_drum.__file__).parent
# What is shown to people is the time of day; and what is held against the times of files.
STAMPS = {
    *("drum/logs.py", "drum/serving/access_log.py", "drum/fastapi/middleware.py"),
    "drum/prediction/figures/peers.py",
}
OF_DAY = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today"}


def of_day(source: str) -> Iterator[int]:
    """The lines on which the time of day is asked for."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names = {f"time.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names = {".".join(ast.unparse(node).split(".")[-2:])}
        else:
            continue
        if names & OF_DAY:
            yield node.lineno


def test_durations_are_never_taken_from_the_time_of_day() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if list(of_day(path.read_text()))
    }
    assert found == STAMPS


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nfrom time import time",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.utcnow()",
    ],
)
def test_every_way_to_ask_for_it_is_seen(source: str) -> None:
    assert list(of_day(source)) == [2]


@pytest.mark.servers
def test_a_clock_that_jumps_ends_nothing(stood_in: Starving) -> None:
    stood_in.works()
    processes = stood_in.processes
    running = stood_in.start(b"a\n-1\n")
    stood_in.wait_until(lambda: b'"workers_busy":1' in stood_in.get("/stats/").body)
    with stood_in.stood_in("clock"):
        # A day later; and in the end a day earlier.
        assert stood_in.get("/livez").status == 200
        waiting = stood_in.start()
        stood_in.wait_until(lambda: b'"queue_depth":1' in stood_in.get("/stats/").body)
    assert not running.done() and not waiting.done()
    stood_in.gate.touch()
    assert running.result().status == waiting.result().status == 200
    stood_in.gate.unlink()
    stood_in.works()
    assert stood_in.processes == processes
