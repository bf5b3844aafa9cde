"""How long a caller waits for the model, and what it is told when that was too long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from datarobot_drum.drum.exceptions import DrumException, OverloadedError, PredictionTimeoutError
from datarobot_drum.drum.prediction.executor import WAITED, Job, ModelExecutor

TIMED_OUT: Final = "The prediction took longer than DRUM_CLIENT_REQUEST_TIMEOUT ({:g} s)."
FOREVER: Final = threading.TIMEOUT_MAX


@dataclass(frozen=True, slots=True)
class Patience:
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
