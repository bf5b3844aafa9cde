"""How many bytes of request bodies one process holds at a time.

What counts is what has arrived, never what was announced: a client that sends nothing takes
nothing from others. The body that would exceed the budget is refused and gives back all that it
had, at once, so that those before it can end: of any number of bodies that have come half way
one always gets through. For the same reason a body that is the only one is never refused: how
large it may be is the upload limit's business.

A body counts from its first byte in memory until its answer is there, or until it is given up.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, NoReturn

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.prediction.figures.metrics import Metrics, RejectReason
from datarobot_drum.drum.serving.giving_back import Trimmer

# Bytes: up to here a body is not counted, and costs nothing to count.
FREE: Final = 64 * 1024
NO_ROOM: Final = (
    "The server is busy: there is no room for another request body of this size. Try again later."
)


def is_large(content_length: str) -> bool:
    """Whether a body of the announced length counts; what is no length announces nothing."""
    return len(content_length) > 4 and content_length.isdecimal() and int(content_length) > FREE


class BodyBudget:
    """The bytes of all bodies of a process.

    Args:
        limit: None: they are counted, and none is refused.
    """

    def __init__(self, limit: int | None, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._trimmer = Trimmer(lambda: self._taken)
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes in memory now."""
        return self._taken

    def check_announced(self, content_length: str) -> None:
        """Raise ``OverloadedError`` where a body would not fit in as things stand. Nothing is
        set aside for it.
        """
        if is_large(content_length) and self._is_too_much(self._taken, int(content_length)):
            self._refuse()

    def _refuse(self) -> NoReturn:
        self._metrics.rejected(RejectReason.BODY_BUDGET)
        raise OverloadedError(NO_ROOM)

    def _is_too_much(self, others: int, size: int) -> bool:
        return self._limit is not None and others > 0 and others + size > self._limit

    def change(self, old: int, new: int) -> None:
        """A body has become larger or smaller.

        Raises:
            OverloadedError: there is no room for what it would be; it keeps what it has.
        """
        with self._lock:
            others = self._taken - old
            refuses = new > old and self._is_too_much(others, new)
            if not refuses:
                self._taken = taken = others + new
        if refuses:
            self._refuse()
        self._metrics.body_bytes(new - old)
        if new > old:
            self._trimmer.more(taken)


class Share:
    """What one body has of a budget; given back at the end of the ``with`` block, or before."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0
        self._is_refused = False

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.give_back()

    def resize(self, size: int) -> None:
        """The body has this many bytes in memory, or will have them when the next have come.

        Raises:
            OverloadedError: there is no room for them, or there was none before. What the body
                had is given back.
        """
        if self._is_refused:
            raise OverloadedError(NO_ROOM)
        counted = size if size > FREE else 0
        if counted == self._size:
            return
        try:
            self._budget.change(self._size, counted)
        except OverloadedError:
            self._is_refused = True
            self.give_back()
            raise
        self._size = counted

    def give_back(self) -> None:
        """The body is no longer in memory."""
        if self._size:
            self._budget.change(self._size, 0)
            self._size = 0
