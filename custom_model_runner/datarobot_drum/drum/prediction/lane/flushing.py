"""Lets what hooks print appear, also where stdout is a pipe and so written in blocks."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import Final

QUIET_SECONDS: Final = 1.0


class StdoutFlusher:
    """Flushes ``sys.stdout`` about a second after the last call of ``touch``."""

    def __init__(self) -> None:
        self._latest = 0.0
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def touch(self) -> None:
        """Something may have been printed."""
        self._latest = time.monotonic()
        if not self._wanted.is_set():
            self._wanted.set()
        # With the first request, not before: a thread would not outlive a fork.
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="stdout-flush", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            quiet = time.monotonic() - self._latest
            if quiet < QUIET_SECONDS:
                time.sleep(QUIET_SECONDS - quiet)
                continue
            self._wanted.clear()
            # Nobody reads stdout any more: that must not end the thread.
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
