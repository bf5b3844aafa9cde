"""Signals that ask a server for something else than its end, or for nothing."""

from __future__ import annotations

import signal
from collections import deque
from types import FrameType
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving import children
from datarobot_drum.drum.serving.signals import left_to_parent, signal_name
from datarobot_drum.drum.utils.shortage import Complaint

logger = get_drum_logger("server")

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
    """Takes note of them, from the moment it is made, for whoever carries them out. Of those
    that would end a process for no reason of a server's it says itself that they do nothing.
    """

    def __init__(self) -> None:
        self._given: deque[signal.Signals] = deque()
        self._stray: set[int] = set()
        self._complaint = Complaint(logger, "%s has no effect.")
        for order in ORDERS:
            signal.signal(order, self._note)
        for number in children.STRAY:
            signal.signal(number, self._note_stray)

    def take(self) -> list[signal.Signals]:
        """Those that have come since the last call."""
        while self._stray:
            # A timer that was forgotten sends a thousand of them a second.
            self._complaint.tell(signal_name(self._stray.pop()))
        return [self._given.popleft() for _ in range(len(self._given))]

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._given.append(signal.Signals(number))

    def _note_stray(self, number: int, _frame: FrameType | None) -> None:
        self._stray.add(number)


def leave_orders_to_parent() -> None:
    """For a worker: they are its supervisor's to carry out, whoever else a terminal tells."""
    for number in (*ORDERS, *children.STRAY):
        signal.signal(number, left_to_parent)
