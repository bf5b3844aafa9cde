"""The lane in front of the model: a bounded queue and the threads that run model code.

One thread by default, so that a model sees one call at a time whatever the server does.
Whoever submits is told through a callback when the answer is there, which serves a waiting
thread and an event loop alike. What model code finds around it is here too: an event loop of its
thread's, and a stdout that shows what it prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.figures.tracing import RequestSpan

logger = get_drum_logger(__name__)

FULL: Final = "The server is busy: the queue in front of the model is full. Try again later."
NO_THREAD: Final = "The server is busy: the system has no thread for the model. Try again later."
WAITED: Final = "The server is busy: the request waited too long for the model. Try again later."


class Job:
    """One request on its way through the lane.

    ``done`` is called exactly once, on the thread that ran the job, after ``response`` was
    set; never for a job that was abandoned before it started. Times are those of
    ``time.monotonic``; ``started_at`` is None while the job waits. ``deserted``: its caller
    went away after it had started.
    """

    __slots__ = (
        "abandoned",
        "deserted",
        "done",
        "operation",
        "queued_at",
        "request",
        "response",
        "span",
        "started_at",
        "told",
    )

    def __init__(
        self,
        operation: Operation,
        request: PredictRequest,
        done: Callable[[Job], object] = lambda _job: None,
    ) -> None:
        self.operation = operation
        self.request = request
        self.done = done
        self.queued_at = time.monotonic()
        self.started_at: float | None = None
        self.abandoned = False
        self.deserted = False
        self.told = False
        self.response: PredictResponse | None = None
        self.span: RequestSpan | None = None

    def tell(self) -> None:
        """Call ``done``, unless it was called before: a stream is told of at its first chunk."""
        if not self.told:
            self.told = True
            self.done(self)


Process = Callable[[list[Job]], None]
Changed = Callable[[int, int, int], None]

_NOTHING: Final = PredictRequest()
# What idle threads have for closing what is theirs.
_LAST_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 1.0


class ModelExecutor:
    """A bounded queue in front of ``workers`` threads.

    Args:
        process: answers the jobs it is handed: sets ``response`` on each; must not raise.
        workers: threads that run model code.
        queue_depth: jobs that may wait; more are refused at once.
        batch_limit: most jobs handed to ``process`` in one call. Only jobs that are waiting
            already are taken together: an idle lane never waits for company.
        changed: told by how many the jobs inside, the waiting ones and the busy threads change.
        deserted: told by how many the running jobs change for which nobody waits any more.
    """

    def __init__(
        self,
        process: Process,
        workers: int = 1,
        queue_depth: int = 128,
        batch_limit: int = 1,
        changed: Changed = lambda _inside, _waiting, _busy: None,
        deserted: Callable[[int], object] = lambda _calls: None,
    ) -> None:
        self.workers = workers
        self.queue_depth = queue_depth
        self._process = process
        self._batch_limit = batch_limit
        self._changed = changed
        self._deserted = deserted
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._found_none = False
        self._inside = 0
        self._running = 0
        self._busy = 0
        self._live: set[Job] = set()

    @property
    def busy(self) -> int:
        """Threads that are in model code now."""
        return self._busy

    @property
    def inside(self) -> int:
        """Jobs that wait for a thread or are in one."""
        return self._inside

    @property
    def waiting(self) -> int:
        """Jobs that wait for a thread."""
        return self._inside - self._running

    def start(self) -> None:
        """Have a thread ready, in the process that will submit: no fork takes it along."""
        with self._lock, contextlib.suppress(OverloadedError):
            if not self._threads:
                self._start_thread()

    def can_work(self) -> bool:
        """Whether there is a thread for the model; one that was refused is asked for again."""
        if self._found_none:
            self.start()
        return not self._found_none

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            OverloadedError: as many jobs are inside as may be, or there is no thread to be had.
        """
        with self._lock:
            if self._inside >= self.workers + self.queue_depth:
                raise OverloadedError(FULL)
            # Threads start with the first job, not with the object: a process that forks
            # after loading the model must not lose them.
            if len(self._threads) < self.workers:
                self._start_thread()
            self._inside += 1
        self._changed(1, 1, 0)
        self._queue.put(job)

    def abandon(self, job: Job) -> bool:
        """Give up a job that nobody waits for any more; True if it had not started.

        A job that still waited makes room for another at once.
        """
        with self._lock:
            if job.started_at is not None:
                return False
            if not job.abandoned:
                job.abandoned = True
                self._inside -= 1
                # The shell stays in the queue until a thread comes by; its body need not.
                job.request = _NOTHING
                self._changed(-1, -1, 0)
            return True

    def desert(self, job: Job) -> None:
        """Nobody will read the answer: a job that waits is taken out, one that runs is counted
        until it has ended, and a stream that has come or will come is stopped.
        """
        if not self.abandon(job):
            with self._lock:
                is_new = job in self._live and not job.deserted
                job.deserted = True
            if is_new:
                self._deserted(1)
        job.deserted = True
        if job.response is not None and job.response.close is not None:
            job.response.close()

    def longest_wait(self) -> float:
        """Seconds for which the oldest running job has given no sign; 0.0 without one.

        A stream gives one with its first chunk, and may take its time afterwards.
        """
        with self._lock:
            started = [job.started_at or 0.0 for job in self._live if not job.told]
        return time.monotonic() - min(started) if started else 0.0

    def close(self) -> None:
        """Let the threads end once the queue is empty; those that are idle end now."""
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + _LAST_SECONDS
        for thread in self._threads:
            if not self._busy and thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0.0))

    def _start_thread(self) -> None:
        """
        Raises:
            OverloadedError: the system has none, and no other is there. The next job tries again.
        """
        name = f"model-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if self._threads:
                return
            if not self._found_none:
                logger.error("There is no thread for the model: %s", error)
            self._found_none = True
            raise OverloadedError(NO_THREAD) from error
        self._found_none = False
        self._threads.append(thread)

    def _run(self) -> None:
        loop = ThreadLoop()
        while True:
            job = self._queue.get()
            if job is None:
                loop.close()
                return
            loop.set()
            self._run_batch(self._take_waiting(job))
            # A thread that waits must not keep the last request's body alive.
            del job

    def _take_waiting(self, first: Job) -> list[Job]:
        jobs = [first]
        try:
            while len(jobs) < self._batch_limit:
                job = self._queue.get_nowait()
                if job is None:
                    self._queue.put(None)
                    break
                jobs.append(job)
        except Empty:
            pass
        return jobs

    def _run_batch(self, jobs: list[Job]) -> None:
        with self._lock:
            live = [job for job in jobs if not job.abandoned]
            now = time.monotonic()
            for job in live:
                job.started_at = now
            self._busy += 1
            self._running += len(live)
            self._live.update(live)
        self._changed(0, -len(live), 1)
        try:
            if live:
                self._process(live)
        # A defect here must cost its own requests, not the lane.
        except Exception:
            logger.exception("A request could not be answered")
        finally:
            with self._lock:
                self._busy -= 1
                self._running -= len(live)
                self._live.difference_update(live)
                self._inside -= len(live)
                deserted = sum(job.deserted for job in live)
            self._changed(-len(live), 0, -1)
            if deserted:
                self._deserted(-deserted)
            for job in live:
                job.tell()


class ThreadLoop:
    """The event loop of one thread. Not running: that is the model's to do, or to leave."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self) -> None:
        """Make sure that the calling thread has a loop that is open.

        A loop that the model's code has set stays; one that it has closed or taken away
        (``asyncio.run`` does) is replaced.
        """
        try:
            current = asyncio.get_event_loop()
        except (RuntimeError, DeprecationWarning):  # a warning first in early releases of 3.10
            current = None
        if current is None or current.is_closed():
            asyncio.set_event_loop(self._open())

    def close(self) -> None:
        """Close the loop and take it from the calling thread."""
        if self._loop is not None and not self._loop.is_running():
            asyncio.set_event_loop(None)
            self._loop.close()

    def _open(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        return self._loop


class StdoutFlusher:
    """Flushes ``sys.stdout`` about a second after the last call of ``touch``, so that what hooks
    print appears also where stdout is a pipe and so written in blocks.
    """

    def __init__(self) -> None:
        self._latest = 0.0
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def touch(self) -> None:
        """Something may have been printed."""
        self._latest = time.monotonic()
        if not self._wanted.is_set():
            self._wanted.set()
        # With the first request, not before: a thread would not outlive a fork.
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="stdout-flush", daemon=True)
            # The system may have none: the next request asks again.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            quiet = time.monotonic() - self._latest
            if quiet < QUIET_SECONDS:
                time.sleep(QUIET_SECONDS - quiet)
                continue
            self._wanted.clear()
            # Nobody reads stdout any more: that must not end the thread.
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
