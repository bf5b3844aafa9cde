"""The lane in front of the model: bounded, in order, and never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation

PATIENCE = 30


class Lane:
    """An executor whose model waits until it is let go, and remembers what it was given."""

    def __init__(self, **options: Any) -> None:
        self.batches: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.free = threading.Event()
        self.executor = ModelExecutor(self._process, **options)

    def _process(self, jobs: list[Job]) -> None:
        self.entered.release()
        assert self.free.wait(PATIENCE)
        self.batches.append([job.request.request_id for job in jobs])
        for job in jobs:
            job.response = PredictResponse(200, job.request.request_id.encode())

    def submit(self, name: str, done: Callable[[Job], object] | None = None) -> Job:
        job = Job(Operation.PREDICT, PredictRequest(request_id=name), done or (lambda _job: None))
        self.executor.submit(job)
        return job

    def enter(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


@contextmanager
def lane(**options: Any) -> Iterator[Lane]:
    made = Lane(**options)
    try:
        yield made
    finally:
        made.free.set()
        made.executor.close()


class Waiter:
    """Counts the calls of ``done``."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._called = threading.Semaphore(0)

    def __call__(self, job: Job) -> None:
        self.jobs.append(job)
        self._called.release()

    def wait(self, calls: int = 1) -> None:
        for _ in range(calls):
            assert self._called.acquire(timeout=PATIENCE)


def test_the_answer_is_there_when_the_caller_is_told() -> None:
    done = Waiter()
    with lane() as given:
        given.free.set()
        job = given.submit("a", done)
        done.wait()
    assert job.response is not None
    assert job.response.body == b"a"
    assert done.jobs == [job]


def test_jobs_run_in_their_order() -> None:
    done = Waiter()
    with lane() as given:
        for name in "abcde":
            given.submit(name, done)
        given.free.set()
        done.wait(5)
    assert given.batches == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_more_than_the_queue_holds_is_refused_at_once() -> None:
    with lane(queue_depth=2) as given:
        given.submit("runs")
        given.enter()
        given.submit("waits")
        given.submit("waits too")
        with pytest.raises(OverloadedError, match="queue in front of the model is full") as caught:
            given.submit("refused")
        assert caught.value.retry_after >= 1
        assert (given.executor.busy, given.executor.waiting) == (1, 2)


def test_a_place_is_free_again_when_its_job_has_ended() -> None:
    done = Waiter()
    with lane(queue_depth=1) as given:
        given.submit("first", done)
        given.submit("second", done)
        given.free.set()
        done.wait(2)
        given.submit("third", done)
        done.wait()
    assert (given.executor.busy, given.executor.waiting) == (0, 0)


def test_an_abandoned_job_makes_room_and_never_runs() -> None:
    done, gone = Waiter(), Waiter()
    with lane(queue_depth=1) as given:
        given.submit("runs", done)
        given.enter()
        waiting = given.submit("abandoned", gone)
        assert given.executor.abandon(waiting)
        assert given.executor.abandon(waiting)
        given.submit("instead", done)
        given.free.set()
        done.wait(2)
    assert given.batches == [["runs"], ["instead"]]
    assert gone.jobs == []


def test_a_running_job_cannot_be_abandoned() -> None:
    done = Waiter()
    with lane() as given:
        running = given.submit("runs", done)
        given.enter()
        assert not given.executor.abandon(running)
        given.free.set()
        done.wait()
    assert given.batches == [["runs"]]


def test_a_defect_costs_its_own_job_only() -> None:
    done = Waiter()

    def process(jobs: list[Job]) -> None:
        if jobs[0].request.request_id == "bad":
            raise RuntimeError("a defect")
        jobs[0].response = PredictResponse(200, b"")

    executor = ModelExecutor(process)
    for name in ("bad", "good"):
        executor.submit(Job(Operation.PREDICT, PredictRequest(request_id=name), done))
    done.wait(2)
    executor.close()
    assert [job.response is None for job in done.jobs] == [True, False]
    assert executor.waiting == 0


def test_several_threads_run_several_jobs() -> None:
    with lane(workers=3) as given:
        for name in "abc":
            given.submit(name)
        for _ in range(3):
            given.enter()
        assert given.executor.busy == 3


def test_one_thread_runs_one_job() -> None:
    with lane() as given:
        given.submit("a")
        given.submit("b")
        given.enter()
        assert (given.executor.busy, given.executor.waiting) == (1, 1)


def test_jobs_that_wait_are_taken_together() -> None:
    done = Waiter()
    with lane(batch_limit=3) as given:
        given.submit("alone", done)
        given.enter()
        for name in "abcd":
            given.submit(name, done)
        given.free.set()
        done.wait(5)
    assert given.batches == [["alone"], ["a", "b", "c"], ["d"]]


def test_an_abandoned_job_is_left_out_of_its_batch() -> None:
    done = Waiter()
    with lane(batch_limit=3) as given:
        given.submit("alone", done)
        given.enter()
        jobs = [given.submit(name, done) for name in "abc"]
        given.executor.abandon(jobs[1])
        given.free.set()
        done.wait(3)
    assert given.batches == [["alone"], ["a", "c"]]


def test_close_lets_waiting_jobs_run() -> None:
    done = Waiter()
    with lane() as given:
        given.submit("a", done)
        given.submit("b", done)
        given.executor.close()
        given.free.set()
        done.wait(2)
    assert given.batches == [["a"], ["b"]]


def test_changes_add_up_to_nothing_when_all_is_done() -> None:
    totals = [0, 0, 0]
    done = Waiter()
    lock = threading.Lock()

    def changed(*steps: int) -> None:
        with lock:
            for position, step in enumerate(steps):
                totals[position] += step

    def process(jobs: list[Job]) -> None:
        pass

    executor = ModelExecutor(process, 2, 50, 4, changed)
    jobs = [Job(Operation.PREDICT, PredictRequest(), done) for _ in range(40)]
    for job in jobs:
        executor.submit(job)
    abandoned = sum(executor.abandon(job) for job in jobs)
    done.wait(len(jobs) - abandoned)
    executor.close()
    assert totals == [0, 0, 0]
