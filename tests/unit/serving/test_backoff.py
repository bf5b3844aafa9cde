"""Attempts to start a worker: rarer while they fail, at once when one has succeeded."""

from __future__ import annotations

import pytest

from datarobot_drum.drum.serving.backoff import FIRST, LONGEST, Backoff


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait(backoff: Backoff, clock: Clock) -> float:
    seconds = backoff.failed()
    clock.now += seconds
    return seconds


def test_waits_double_up_to_the_longest(clock: Clock) -> None:
    backoff = Backoff(clock)
    waits = [wait(backoff, clock) for _ in range(20)]
    assert waits[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST


def test_a_success_begins_anew(clock: Clock) -> None:
    backoff = Backoff(clock)
    wait(backoff, clock)
    wait(backoff, clock)
    assert backoff.is_failing
    backoff.succeeded()
    assert not backoff.is_failing
    assert backoff.seconds_left() == 0
    assert backoff.failed() == FIRST


def test_workers_that_fail_together_fail_once(clock: Clock) -> None:
    backoff = Backoff(clock)
    assert [backoff.failed() for _ in range(3)] == [FIRST] * 3
    clock.now += FIRST
    assert backoff.failed() == 2 * FIRST


@pytest.mark.parametrize(
    ("missing", "loading", "ready", "may"),
    [(4, 0, 0, 1), (3, 1, 0, 0), (3, 0, 1, 3), (2, 1, 1, 2), (0, 0, 4, 0), (-1, 0, 5, 0)],
)
def test_workers_start_together_once_one_is_ready(
    clock: Clock, missing: int, loading: int, ready: int, may: int
) -> None:
    assert Backoff(clock).may_start(missing, loading, ready) == may


def test_while_starts_fail_one_is_tried_when_its_time_has_come(clock: Clock) -> None:
    backoff = Backoff(clock)
    backoff.failed()
    assert backoff.may_start(3, 0, 1) == 0
    clock.now += FIRST
    assert backoff.may_start(3, 0, 1) == 1
    assert backoff.may_start(2, 1, 1) == 0
