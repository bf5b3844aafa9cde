"""A disk that is full, may only be read, or stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scarcity.starving import FORM, FORM_TYPE, LARGE, ROWS, Starving, mount

pytestmark = pytest.mark.servers

REFUSED = "Requests are refused: "


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * (1 << 16)):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    reason = mount("-o", "remount,ro", str(folder))
    assert reason is None, reason
    try:
        yield
    finally:
        assert mount("-o", "remount,rw", str(folder)) is None


@pytest.mark.parametrize(
    ("scarcity", "reason"),
    [(full, "No space left on device"), (read_only, "Read-only file system")],
    ids=["full", "read-only"],
)
def test_what_needs_a_disk_is_refused_and_all_else_is_served(
    full_disk: Starving, scarcity: type[full], reason: str
) -> None:
    assert full_disk.post(FORM, FORM_TYPE).status == 200
    with scarcity(full_disk.temporary):
        for _ in range(2):
            answer = full_disk.post(FORM, FORM_TYPE)
            assert answer.status == 503
            assert answer.message.endswith(f"{reason}. Try again later.")
            assert answer.headers["retry-after"] == "1"
        assert full_disk.post(LARGE).status == 200
        assert full_disk.get("/stats/").status == 200
        assert full_disk.get("/metrics").status == 200
        full_disk.works()
    assert full_disk.logged(f"{REFUSED}{reason}") == 1
    assert full_disk.post(FORM, FORM_TYPE).body.count(b",") >= ROWS - 1
    assert [name for name in os.listdir(full_disk.temporary) if "upload" in name] == []


def test_nobody_waits_for_a_log_on_a_disk_that_stands_still(stood_in: Starving) -> None:
    lines = stood_in.server.stdout().count("/predict/")
    with stood_in.stood_in("disk"):
        for _ in range(10):
            stood_in.works()
    stood_in.works()
    stood_in.wait_until(lambda: stood_in.server.stdout().count("/predict/") >= lines + 11)
