"""What a worker process and the process that started it owe each other."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

from datarobot_drum.drum.serving.signals import signal_name

# Seconds that a worker gets, on top of its own graceful timeout, before it is killed.
KILL_MARGIN: Final = 5.0

# Of Linux' prctl.
_SET_PARENTS_DEATH_SIGNAL: Final = 1


def end_with_parent(parent: int) -> None:
    """Have this process get SIGTERM when ``parent`` ends, whatever it is doing then: loading a
    model, it would hold the port for as long as that takes. To be called right after the fork.

    Where the system has no such thing the worker finds out by itself, when it serves.

    Args:
        parent: its process id, taken before the fork.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_SET_PARENTS_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def how_it_ended(status: int) -> str:
    """A process's status, as ``os.waitpid`` returns it, in words."""
    if not os.WIFSIGNALED(status):
        return f"exit status {os.waitstatus_to_exitcode(status)}"
    return f"killed by {signal_name(os.WTERMSIG(status))}"
