"""How often code asks the system for something that lets go of the interpreter: a thread that
computes may take it then, and gives it back after 5 ms.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

# Of the events that the interpreter tells: opening covers reading and closing.
_EVENTS = frozenset(
    {
        "fcntl.flock",
        "mmap.__new__",
        "open",
        "os.listdir",
        "os.remove",
        "os.rename",
        "os.scandir",
    }
)


class _Count:
    steps = 0
    thread: int | None = None
    # A hook stays for good: one for all tests.
    is_listening = False


def asked(call: Callable[[], object]) -> int:
    """The steps of a call on this thread."""
    if not _Count.is_listening:
        _Count.is_listening = True
        sys.addaudithook(_hear)
    _Count.steps, _Count.thread = 0, threading.get_ident()
    try:
        call()
    finally:
        _Count.thread = None
    return _Count.steps


def _hear(event: str, _arguments: tuple[object, ...]) -> None:
    if _Count.thread is not None and event in _EVENTS and _Count.thread == threading.get_ident():
        _Count.steps += 1
