"""Predictions that take next to nothing are made on the event loop itself.

A thread costs a short prediction more than the model does: the job is queued, the thread woken,
the loop woken again. A call is short when calls with bodies of its size were; what is not
known yet, or was long lately, goes to the model's thread, which keeps measuring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import inf
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor

logger = get_drum_logger(__name__)

# How much of a long call is forgotten with each shorter one. A call that is longer counts at once.
_FORGET: Final = 0.2


class CallTimes:
    """How long calls of one model take, by the size of what they are given.

    Sizes (bytes) count in powers of two. Calls that grow faster than their input are not
    foreseen, only noticed: a model predicts row by row.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, size: int, seconds: float) -> None:
        power = size.bit_length()
        known = self._seconds.get(power, 0.0)
        if seconds < known:
            seconds = known + (seconds - known) * _FORGET
        self._seconds[power] = seconds

    def expected(self, size: int) -> float:
        """Seconds that a call should take at most; infinite while nothing is known."""
        power = size.bit_length()
        known = self._seconds.get(power)
        if known is not None:
            return known
        return min(
            (
                seconds * 2.0 ** max(0, power - other)
                # Another thread may add a size meanwhile.
                for other, seconds in self._seconds.copy().items()
            ),
            default=inf,
        )


class ShortCalls:
    """Makes short predictions on the event loop, when nothing else is in the model.

    Those that arrive within one turn of the loop are handed on together, and merged like jobs
    that waited in the queue. Only the loop's own thread may call.

    Args:
        lane: the ordinary way to the model; it is empty, or every job goes there.
        process: answers jobs, as in ``ModelExecutor``.
        limit: seconds for which the loop may be held up.
        batch_limit: most jobs handed to ``process`` in one call.
        in_flight: requests that have arrived and have no answer yet; 0: nobody knows.
    """

    def __init__(
        self,
        lane: ModelExecutor,
        process: Callable[[list[Job]], None],
        times: CallTimes,
        limit: float,
        batch_limit: int,
        in_flight: Callable[[], int],
    ) -> None:
        self._lane = lane
        self._process = process
        self._times = times
        self._limit = limit
        self._batch_limit = batch_limit
        self._in_flight = in_flight
        self._arrived: list[tuple[Job, asyncio.Future[bool]]] = []

    async def answer(self, job: Job) -> bool:
        """Answer the job if that is short; False: it has to take the ordinary way."""
        size = len(job.request.body)
        if self._lane.inside or self._times.expected(size) > self._limit:
            return False
        if self._in_flight() == 1:
            # Nothing has arrived with it, and two turns of the loop are saved.
            self._answer([job])
            return True
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bool] = loop.create_future()
        if not self._arrived:
            loop.call_soon(self._answer_arrived)
        self._arrived.append((job, answered))
        return await answered

    def _answer_arrived(self) -> None:
        # A caller that was cancelled has its future cancelled.
        arrived = [(job, answered) for job, answered in self._arrived if not answered.done()]
        self._arrived = []
        groups = list(self._groups([job for job, _ in arrived]))
        answer = not self._lane.inside and self._expected(groups) <= self._limit
        if answer:
            for group in groups:
                self._answer(group)
        for _, answered in arrived:
            answered.set_result(answer)

    def _answer(self, jobs: list[Job]) -> None:
        try:
            self._process(jobs)
        # A defect here must cost its own requests, not those that wait beside them.
        except Exception:
            logger.exception("A request could not be answered")

    def _groups(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        left = iter(jobs)
        while group := list(islice(left, self._batch_limit)):
            yield group

    def _expected(self, groups: Sequence[list[Job]]) -> float:
        return sum(self._times.expected(size_of(group)) for group in groups)


def size_of(jobs: Sequence[Job]) -> int:
    """Bytes in the bodies of the jobs."""
    return sum(len(job.request.body) for job in jobs)
