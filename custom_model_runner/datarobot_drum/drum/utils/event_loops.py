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
