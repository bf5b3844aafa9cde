"""When memory that stands unused is given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from datarobot_drum.drum.serving import giving_back
from datarobot_drum.drum.serving.giving_back import WORTH, Trimmer, give_back_freed_memory
from tests.unit.scarce_threads import no_threads


class Watched:
    """A trimmer whose periods a test lets go by."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._level = 0
        self.trims = 0
        self._over, self._ended = False, threading.Event()
        self._asleep, self._go_on = threading.Semaphore(0), threading.Semaphore(0)
        patch.setattr(giving_back, "time", SimpleNamespace(sleep=self._sleep))
        self._trimmer = Trimmer(lambda: self._level, self._trim)

    def _sleep(self, _seconds: float) -> None:
        self._asleep.release()
        self._go_on.acquire()
        if self._over:
            self._ended.set()
            threading.Event().wait()

    def _trim(self) -> None:
        self.trims += 1

    def use(self, size: int) -> None:
        more = size > self._level
        self._level = size
        if more:
            self._trimmer.more(size)

    def pass_period(self) -> None:
        """Let one period end, and come to the next one or to the end of the watch."""
        assert self._asleep.acquire(timeout=30)
        self._go_on.release()

    def pass_periods_until_trimmed(self) -> None:
        before = self.trims
        for _ in range(5):
            self.pass_period()
            if self._asleep.acquire(timeout=0.2):
                self._asleep.release()
            if self.trims > before:
                return
        pytest.fail("nothing was given back")

    def end(self) -> None:
        """Else its thread would sleep in the next test's periods."""
        self._over = True
        self._trimmer._wanted.set()
        self._go_on.release()
        if self._trimmer._thread is not None:
            assert self._ended.wait(30)

    def sleeps(self) -> bool:
        if self._asleep.acquire(timeout=0.2):
            self._asleep.release()
            return True
        return False


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    watched = Watched(monkeypatch)
    yield watched
    watched.end()


def test_what_has_stood_unused_for_a_period_is_given_back_once(watched: Watched) -> None:
    watched.use(10 * WORTH)
    watched.use(0)
    watched.pass_periods_until_trimmed()
    assert watched.trims == 1
    assert not watched.sleeps()


def test_another_time_it_is_given_back_again(watched: Watched) -> None:
    for trims in (1, 2):
        watched.use(10 * WORTH)
        watched.use(0)
        watched.pass_periods_until_trimmed()
        assert watched.trims == trims


def test_a_steady_load_pays_nothing(watched: Watched) -> None:
    for _ in range(20):
        watched.use(2 * WORTH)
        watched.use(0)
        watched.pass_period()
    assert watched.trims == 0


def test_what_a_smaller_load_leaves_unused_is_given_back(watched: Watched) -> None:
    watched.use(10 * WORTH)
    watched.use(WORTH)
    watched.pass_periods_until_trimmed()
    for _ in range(5):
        watched.pass_period()
    assert watched.trims == 1


def test_what_is_not_worth_it_is_not_watched(watched: Watched) -> None:
    watched.use(WORTH - 1)
    watched.use(0)
    assert not watched.sleeps()


def test_systems_without_glibc_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back_freed_memory()
    monkeypatch.setattr(giving_back.ctypes, "CDLL", lambda _name: object())
    give_back_freed_memory()


def test_a_thread_that_could_not_be_started_is_asked_for_again(watched: Watched) -> None:
    with no_threads():
        watched.use(WORTH)
    watched.use(10 * WORTH)
    watched.use(0)
    watched.pass_periods_until_trimmed()
    assert not watched.sleeps()
