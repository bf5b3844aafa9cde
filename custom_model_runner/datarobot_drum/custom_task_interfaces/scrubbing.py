"""Keep secrets out of what a process writes: stdout, stderr and log records.

One scrubber serves the whole process: loading a second model adds values, it does not stack
another layer, and when the last value goes the streams and the logging are put back. What a
child process or a write to a file descriptor shows is out of reach.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from datarobot_drum.drum.masking import Secrets
from datarobot_drum.drum.utils.printed import CleanStream

# Shorter values would blank out parts of unrelated words.
_SHORTEST: Final = 3


class Scrubber:
    """Replaces the values it knows while it knows any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: Counter[str] = Counter()
        self._secrets = Secrets(_SHORTEST)
        self._undo: list[Callable[[], None]] = []

    def add(self, values: Iterable[str]) -> None:
        with self._lock:
            self._values.update(value for value in values if len(value) >= _SHORTEST)
            self._secrets.put(self._values)
            if self._values and not self._undo:
                self._install()

    def remove(self, values: Iterable[str]) -> None:
        with self._lock:
            self._values.subtract(value for value in values if len(value) >= _SHORTEST)
            self._values = +self._values
            self._secrets.put(self._values)
            if not self._values:
                while self._undo:
                    self._undo.pop()()

    def clean(self, text: str) -> str:
        return self._secrets.mask(text)

    def _install(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            setattr(sys, name, CleanStream(stream, self.clean))
            self._undo.append(partial(setattr, sys, name, stream))
        factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(lambda *args, **kwargs: self._record(factory(*args, **kwargs)))
        self._undo.append(lambda: logging.setLogRecordFactory(factory))

    def _record(self, record: logging.LogRecord) -> logging.LogRecord:
        """Formatted here and now, because arguments hide values until they are text."""
        try:
            message = record.getMessage()
        # Arguments become text in their own way, and nobody above expects a log call to fail.
        except Exception:
            return record  # logging reports a message that does not fit its arguments
        if (cleaned := self.clean(message)) != message:
            record.msg, record.args = cleaned, None
        if record.exc_info and record.exc_info[0] is not None:
            shown = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (cleaned := self.clean(shown)) != shown:
                record.exc_text = cleaned
        return record


SCRUBBER: Final = Scrubber()


@contextmanager
def scrubbed(values: Iterable[str]) -> Iterator[None]:
    """Keep ``values`` out of the output of a block."""
    hidden = list(values)
    SCRUBBER.add(hidden)
    try:
        yield
    finally:
        SCRUBBER.remove(hidden)
