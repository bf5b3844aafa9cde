"""Signals that ask a server for something else than its end."""

from __future__ import annotations

import signal
from collections import deque
from types import FrameType
from typing import Final

from datarobot_drum.drum.serving.signals import left_to_parent

# Load the model folder anew; more and fewer workers; and two that ask for nothing here.
ORDERS: Final = (
    signal.SIGHUP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
PRELOADED: Final = (
    "SIGHUP has no effect: the model was loaded before the workers started (DRUM_PRELOAD_MODEL)."
    " Start the server again to load another."
)


class Orders:
    """Takes note of them, from the moment it is made, for whoever carries them out."""

    def __init__(self) -> None:
        self._given: deque[signal.Signals] = deque()
        for number in ORDERS:
            signal.signal(number, self._note)

    def take(self) -> list[signal.Signals]:
        """Those that have come since the last call."""
        return [self._given.popleft() for _ in range(len(self._given))]

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._given.append(signal.Signals(number))


def leave_orders_to_parent() -> None:
    """For a worker: they are its supervisor's to carry out, whoever else a terminal tells."""
    for number in ORDERS:
        signal.signal(number, left_to_parent)
