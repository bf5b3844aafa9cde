"""Gives memory that bodies have left unused back to the system."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Final

# Bytes: fewer stay with the process. Taking memory anew costs the next request a page fault for
# every 4 KB.
WORTH: Final = 16 * 1024 * 1024
# Seconds between two looks; and the part of what was in use that has to stand unused between
# them.
PERIOD: Final = 2.0
SHARE: Final = 4


def give_back_freed_memory() -> None:
    """Have glibc give back every page that nothing is on."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        # No glibc: musl, macOS, Windows.
        return
    trim(0)


class Trimmer:
    """Watches how many bytes are in use, and gives back what stands unused for a while.

    A steady load, however large, never pays for it. The thread that watches starts when there
    is something to watch: no fork takes it along.

    Args:
        in_use: tells how many bytes are.
    """

    def __init__(
        self, in_use: Callable[[], int], trim: Callable[[], None] = give_back_freed_memory
    ) -> None:
        self._in_use = in_use
        self._trim = trim
        self._peak = 0
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def more(self, size: int) -> None:
        """So many bytes are in use now: more than before."""
        if size > self._peak:
            self._peak = size
        if size >= WORTH and not self._wanted.is_set():
            self._wanted.set()
            with self._lock:
                if self._thread is None:
                    self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="trimmer", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system has none: the next large body asks again.
            self._wanted.clear()
        else:
            self._thread = thread

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._watch()
            self._wanted.clear()
            if self._peak >= WORTH:
                # That many came just now, and found the thread still watching.
                self._wanted.set()

    def _watch(self) -> None:
        """Until nothing is left that would be worth giving back."""
        highest = 0
        while True:
            # Not imported by name: gevent puts its own in place later.
            time.sleep(PERIOD)
            peak, self._peak = self._peak, self._in_use()
            if highest and peak * SHARE <= highest:
                self._trim()
                highest = peak
            highest = max(highest, peak)
            if highest < WORTH:
                return
