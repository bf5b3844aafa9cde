"""The end of a process: in time, whatever user code has left running.

Python waits without limit for children that are no daemons, for pools and for threads. What is
left gets a while of its own; then children are terminated, and killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.serving.signals import call_users_handler

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

logger = get_drum_logger(__name__)

# Seconds between SIGTERM and SIGKILL, and after that.
TERMINATED: Final = 1.0
KILLED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Limit:
    """How long the end may take.

    Attributes:
        patience: seconds for what user code has left to end by itself.
        ends_threads: the process then ends whatever else it waits for.
    """

    patience: float
    ends_threads: bool


# Together with the rest less than what is left for it after the graceful timeout.
SERVER: Final = Limit(3.0, ends_threads=True)
# What a command was started for may still be at work; whoever started it can interrupt it.
COMMAND: Final = Limit(60.0, ends_threads=False)


class _Chosen:
    limit: ClassVar[Limit | None] = None


def limit_end(limit: Limit) -> None:
    """Let ``end`` bound the end of this process, and of those that it forks."""
    _Chosen.limit = limit


def end(status: int) -> None:
    """The process has nothing more to do: what happens from here on takes a bounded time.

    Args:
        status: the exit status, kept in any case.
    """
    if _Chosen.limit is not None:
        _watch(_Chosen.limit, status)
    call_users_handler()
    # User code's handlers go before its timers do: these would end the process in their way.
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)


def _watch(limit: Limit, status: int) -> None:
    watch = threading.Thread(target=_end_what_is_left, args=(limit, status), daemon=True)
    try:
        watch.start()
    except RuntimeError:
        logger.warning("No thread can be started: the end may take long.")


def _end_what_is_left(limit: Limit, status: int) -> None:
    time.sleep(limit.patience)
    left = _children()
    if left:
        names = ", ".join(child.name for child in left)
        logger.warning("Ending processes that the model's code left running: %s", names)
    for child in left:
        child.terminate()
    time.sleep(TERMINATED)
    for child in _children():
        child.kill()
    if limit.ends_threads:
        time.sleep(KILLED)
        # A pool may have put new ones in their place.
        for child in _children():
            child.kill()
        logger.warning("Ending although the model's code still runs.")
        os._exit(status)


def _children() -> list[BaseProcess]:
    """Those that Python waits for at the end, or would have ended itself."""
    multiprocessing = sys.modules.get("multiprocessing")
    return [] if multiprocessing is None else list(multiprocessing.active_children())
