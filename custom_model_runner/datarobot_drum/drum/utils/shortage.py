"""What the system has no more of: memory, threads, descriptors, room on a disk.

None of these is the client's mistake or a defect: the request may be sent again, and the log
tells of it once, not with every request that meets it.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from typing import Final

# Seconds without it, after which the same shortage is told of again.
QUIET: Final = 60.0

_SHORT: Final = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),
    }
)
NO_THREAD: Final = "can't start new thread"
# Python has no type of its own for the first.
_THREADS: Final = frozenset({NO_THREAD, "can't allocate lock"})


def shortage(error: BaseException) -> str | None:
    """What the system has refused, without paths; None: it is another kind of failure."""
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    if isinstance(error, OSError) and error.errno in _SHORT:
        return os.strerror(error.errno)
    if isinstance(error, RuntimeError) and str(error) in _THREADS:
        return str(error)
    return None


class Complaint:
    """A line of the log that is written once as long as its reason lasts.

    Args:
        text: with a place for the reason.
    """

    def __init__(self, logger: logging.Logger, text: str) -> None:
        self._logger = logger
        self._text = text
        self._latest: dict[str, float] = {}

    def tell(self, reason: str) -> None:
        """``reason`` is one of few: each is remembered."""
        now = time.monotonic()
        before, self._latest[reason] = self._latest.get(reason, -QUIET), now
        if now - before >= QUIET:
            self._logger.error(self._text, reason)
