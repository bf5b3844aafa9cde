"""Connections shared out among the workers of one socket.

The kernel wakes every worker for a new connection and gives it to the fastest: in a burst that
is the same one again and again, while the models of the others idle. So each worker tells
how many connections it holds, and one that holds more than another lets that one go first.
"""

from __future__ import annotations

import mmap
from typing import Final

# Seconds by which a worker steps back; the connection is taken then, whoever was to have it.
STEP_BACK: Final = 0.005

_NOBODY: Final = -1
_INT_BYTES: Final = 4


class LoadBoard:
    """How many connections each worker holds, for all to see; made before the workers fork.

    Args:
        workers: how many there are. Replacements overlap, so there are slots to spare; if two
            workers ever share one, it is only the balance that suffers.
    """

    def __init__(self, workers: int) -> None:
        slots = 2 * workers + 2
        self._held = memoryview(mmap.mmap(-1, slots * _INT_BYTES)).cast("i")
        self._ends = mmap.mmap(-1, 1)
        self._next = 0
        for slot in range(slots):
            self._held[slot] = _NOBODY

    def new_slot(self) -> Slot:
        """The next worker's place; taken in the process that forks it."""
        number = self._next % len(self._held)
        self._next += 1
        return Slot(self._held, number, self._ends)

    def end(self) -> None:
        """All workers end now, and none follows."""
        self._ends[0] = 1


class Slot:
    """One worker's place on the board. Empty until ``hold`` is called."""

    def __init__(self, held: memoryview, number: int, ends: mmap.mmap) -> None:
        self._held = held
        self._number = number
        self._ends = ends

    def all_end(self) -> bool:
        """The server ends. Else a worker that is told to end has others, which serve on."""
        return self._ends[0] == 1

    def hold(self, connections: int) -> None:
        """Tell how many connections this worker holds."""
        self._held[self._number] = connections

    def leave(self) -> None:
        """This worker accepts no more, or is gone."""
        self._held[self._number] = _NOBODY

    def goes_first(self) -> bool:
        """No other worker holds fewer connections."""
        own = self._held[self._number]
        return not any(_NOBODY < other < own for other in self._held)
