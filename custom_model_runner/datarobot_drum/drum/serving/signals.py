"""How a server process learns that it is to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def held_back_over_fork() -> Iterator[None]:
    """SIGTERM waits while a process forks, so that no child gets it with its parent's handler,
    which would lose it. The child calls ``let_in`` when it has a handler of its own.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        let_in()


def let_in() -> None:
    """Take the signals that have waited, and those to come."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


class Stopped(KeyboardInterrupt):
    """A signal came before there was a request to finish: leave at once, wherever this is.

    Like Ctrl+C it passes through code that catches ``Exception`` or ``SystemExit``, as user
    code that is being loaded may do.
    """


class StopSignals:
    """Remembers the signals that ask a process to end, from the moment it is made.

    Attributes:
        serving: set by the server. Before that there is no request to finish, and a signal
            raises ``Stopped`` in the main thread.
        first: the signal that asked the server to end.
        forced: a second SIGINT came: running requests are not to be waited for.
    """

    def __init__(self, numbers: tuple[signal.Signals, ...] = STOPPING) -> None:
        self.serving = False
        self.first: signal.Signals | None = None
        self.forced = False
        for number in numbers:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first = signal.Signals(number)
        elif number == signal.SIGINT:
            self.forced = True
        if not self.serving:
            raise Stopped
