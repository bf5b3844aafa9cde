"""How soon a worker that could not start is followed by the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Seconds until the next attempt: after the first failure, and at most. They double between.
FIRST: Final = 1.0
LONGEST: Final = 60.0


class Backoff:
    """Growing waits between attempts that fail; none after one that succeeds.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wait = 0.0
        self._until = 0.0

    @property
    def is_failing(self) -> bool:
        """An attempt has failed, and none has succeeded since."""
        return self._wait > 0

    def failed(self) -> float:
        """An attempt has failed.

        Returns:
            Seconds until the next one. Several that fail together count as one.
        """
        if not self.seconds_left():
            self._wait = min(2 * self._wait, LONGEST) or FIRST
            self._until = self._clock() + self._wait
        return self.seconds_left()

    def succeeded(self) -> None:
        """An attempt has succeeded, or everything is different now: the next may be at once."""
        self._wait = self._until = 0.0

    def may_start(self, missing: int, loading: int, ready: int) -> int:
        """How many of the ``missing`` workers to start now. Until it is seen that one can start
        they try one by one.

        Args:
            loading: workers that are starting already.
            ready: workers that serve.
        """
        if self.seconds_left():
            return 0
        if self.is_failing or not ready:
            missing = min(missing, 1 - loading)
        return max(missing, 0)

    def seconds_left(self) -> float:
        """Until the next attempt; 0.0: it is time."""
        return max(self._until - self._clock(), 0.0) if self._wait else 0.0
