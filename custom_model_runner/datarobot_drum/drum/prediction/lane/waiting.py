"""A caller's wait for the model: ended by the answer, by a limit, or by the client leaving."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from datarobot_drum.drum.exceptions import (
    ClientGoneError,
    DrumException,
    OverloadedError,
    PredictionTimeoutError,
)
from datarobot_drum.drum.prediction.lane.executor import WAITED, Job, ModelExecutor

TIMED_OUT: Final = "The prediction took longer than DRUM_CLIENT_REQUEST_TIMEOUT ({:g} s)."
FOREVER: Final = threading.TIMEOUT_MAX


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The two limits of one server, in seconds; None turns a limit off.

    ``queue_timeout`` counts while a request waits for the model, ``request_timeout`` while the
    model runs. A request that would wait longer than it may run is not worth waiting for, so
    the smaller of the two limits the wait.
    """

    queue_timeout: float | None = None
    request_timeout: float | None = None

    @property
    def in_queue(self) -> float:
        """Seconds until the first look at a job that was just queued."""
        limits = (self.queue_timeout, self.request_timeout)
        return min((limit for limit in limits if limit is not None), default=FOREVER)

    def look(self, executor: ModelExecutor, job: Job) -> float | DrumException:
        """Look at a job that was not answered in time.

        Returns:
            Seconds until the next look, or the error that its caller gets now. A job that
            still waited is taken out of the queue; one that runs is left to end.
        """
        if executor.abandon(job):
            return OverloadedError(WAITED)
        if self.request_timeout is None or job.started_at is None:
            return FOREVER
        left = job.started_at + self.request_timeout - time.monotonic()
        return left if left > 0 else PredictionTimeoutError(TIMED_OUT.format(self.request_timeout))


# Returns when the client has gone away.
Disconnected: TypeAlias = Callable[[], Awaitable[None]]

# Whether the client has gone away; looks, and does not wait.
IsGone: TypeAlias = Callable[[], bool]

# Seconds after which a wait is long enough to look whether the client is still there: most
# answers are there before, and a task for each of them would cost more than they do.
WATCH_AFTER: Final = 0.05
# Seconds between two looks of a thread.
WATCH_EVERY: Final = 0.25
GONE: Final = "The client has closed its connection."


class ThreadWait:
    """One job's wait in the calling thread.

    Args:
        is_gone: asked from time to time once the wait has become long; None: never.
    """

    def __init__(self, lane: ModelExecutor, timeouts: Timeouts, is_gone: IsGone | None) -> None:
        self._lane = lane
        self._timeouts = timeouts
        self._is_gone = is_gone
        self._arrived = threading.Lock()
        self._arrived.acquire()

    def wake(self, _job: Job) -> None:
        """Tell, from any thread, that the answer is there."""
        self._arrived.release()

    def until_answered(self, job: Job) -> DrumException | None:
        """Wait; None when the job has its response, else the error its caller gets now."""
        due = time.monotonic() + self._timeouts.in_queue
        pause = FOREVER if self._is_gone is None else WATCH_AFTER
        while not self._arrived.acquire(timeout=min(max(due - time.monotonic(), 0), pause)):
            if self._is_gone is not None:
                if self._is_gone():
                    return ClientGoneError(GONE)
                pause = WATCH_EVERY
            if time.monotonic() >= due:
                late = self._timeouts.look(self._lane, job)
                if isinstance(late, DrumException):
                    return late
                due = time.monotonic() + late
        return None


class LoopWait:
    """One job's wait in the running event loop.

    Args:
        disconnected: watched once the wait has become long; None: the client is never watched.
    """

    def __init__(
        self, lane: ModelExecutor, timeouts: Timeouts, disconnected: Disconnected | None
    ) -> None:
        self._lane = lane
        self._timeouts = timeouts
        self._disconnected = disconnected
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Future[DrumException | None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None

    def wake_threadsafe(self, _job: Job) -> None:
        """Tell, from any thread, that the answer is there."""
        # A loop that has ended with its server refuses: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    async def until_answered(self, job: Job) -> DrumException | None:
        """Wait; None when the job has its response, else the error its caller gets now."""
        limit = self._timeouts.in_queue
        if self._disconnected is None or limit <= WATCH_AFTER:
            self._timer = self._loop.call_later(limit, self._look, job)
        else:
            rest = limit - WATCH_AFTER
            self._timer = self._loop.call_later(WATCH_AFTER, self._start_watching, job, rest)
        try:
            return await self._arrived
        finally:
            self._timer.cancel()
            if self._watch is not None:
                self._watch.cancel()

    def _wake(self, late: DrumException | None = None) -> None:
        if not self._arrived.done():
            self._arrived.set_result(late)

    def _look(self, job: Job) -> None:
        late = self._timeouts.look(self._lane, job)
        if isinstance(late, DrumException):
            self._wake(late)
        else:
            self._timer = self._loop.call_later(late, self._look, job)

    def _start_watching(self, job: Job, rest: float) -> None:
        self._timer = self._loop.call_later(rest, self._look, job)
        self._watch = self._loop.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        assert self._disconnected is not None
        await self._disconnected()
        self._wake(ClientGoneError(GONE))
