"""Event loops for threads that run a model's code: ``asyncio.get_event_loop()`` finds one there.

In a thread without one it raises; from Python 3.14 on in the main thread too.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from typing import Final

# One for each thread, however many models it loads: a loop holds descriptors.
_GIVEN: Final = threading.local()


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


def give_event_loop() -> None:
    """Give the calling thread an event loop until the process ends, unless one runs there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = getattr(_GIVEN, "loop", None)
        if loop is None or loop.is_closed():
            loop = _GIVEN.loop = asyncio.new_event_loop()
            atexit.register(loop.close)
        asyncio.set_event_loop(loop)
