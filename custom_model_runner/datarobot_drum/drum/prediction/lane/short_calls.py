"""Predictions that take next to nothing are made on the event loop itself.

A thread costs a short prediction more than the model does: the job is queued, the thread woken,
the loop woken again. A call is short when calls of its size were: that of the bodies, or of what
they become once they are read, where that is more. What is not known yet, or was long lately, goes
to the model's thread, which keeps measuring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import islice
from math import inf
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor
from datarobot_drum.drum.prediction.messages import PredictResponse

logger = get_drum_logger(__name__)

# How much of a long call is forgotten with each shorter one. A call that is longer counts at once.
_FORGET: Final = 0.2
# Bytes: what a small body may become on an event loop; more is read by the model's thread.
_MAX_DECODED: Final = 1024 * 1024

# Stands for the answer of a job that has to take the ordinary way after all.
NOT_SHORT: Final = PredictResponse(0, b"")


class NotShortError(Exception):
    """A body has become more than may be predicted on an event loop."""


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


class Call:
    """One call of the model, while it is made, and the size of what it is given.

    Args:
        limit: seconds that it may take; None: as long as it likes.
    """

    def __init__(self, times: CallTimes, limit: float | None = None) -> None:
        self._times = times
        self._limit = limit
        self._size = 0
        self._was_made = True

    def max_decoded(self, otherwise: int | None) -> int | None:
        """What a small body may become; ``otherwise`` where the call may take its time."""
        if self._limit is None:
            return otherwise
        return _MAX_DECODED if otherwise is None else min(_MAX_DECODED, otherwise)

    def add(self, size: int) -> None:
        """Bytes of a request, as it came or as it was read.

        Raises:
            NotShortError: with these the call should take longer than its limit.
        """
        size += self._size
        if self._limit is not None and self._times.expected(size) > self._limit:
            raise self.not_short()
        self._size = size

    def not_short(self) -> NotShortError:
        self._was_made = False
        return NotShortError()

    def observe(self, size: int, seconds: float) -> None:
        """Tell what it took.

        Args:
            size: bytes of the bodies.
        """
        if self._was_made:
            self._times.observe(max(size, self._size), seconds)


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)


class ShortCalls:
    """Makes short predictions on the event loop, when nothing else is in the model.

    Those that arrive within one turn of the loop are handed on together, and merged like jobs
    that waited in the queue. Only the loop's own thread may call.

    Args:
        lane: the ordinary way to the model; it is empty, or every job goes there.
        process: answers jobs, as in ``ModelExecutor``, or with ``NOT_SHORT``.
        limit: seconds for which the loop may be held up.
        batch_limit: most jobs handed to ``process`` in one call.
        in_flight: requests that have arrived and have no answer yet; 0: nobody knows.
    """

    def __init__(
        self,
        lane: ModelExecutor,
        process: Callable[[list[Job], float], None],
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
            return _is_answered(job)
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
        for job, answered in arrived:
            answered.set_result(answer and _is_answered(job))

    def _answer(self, jobs: list[Job]) -> None:
        try:
            self._process(jobs, self._limit)
        # A defect here must cost its own requests, not those that wait beside them.
        except Exception:
            logger.exception("A request could not be answered")

    def _groups(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        left = iter(jobs)
        while group := list(islice(left, self._batch_limit)):
            yield group

    def _expected(self, groups: Sequence[list[Job]]) -> float:
        return sum(self._times.expected(size_of(group)) for group in groups)


def _is_answered(job: Job) -> bool:
    if job.response is not NOT_SHORT:
        return True
    job.response = None
    return False


def size_of(jobs: Sequence[Job]) -> int:
    """Bytes in the bodies of the jobs."""
    return sum(len(job.request.body) for job in jobs)
