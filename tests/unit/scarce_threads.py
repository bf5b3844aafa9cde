"""A system that has no threads to give."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from datarobot_drum.drum.utils.shortage import NO_THREAD


@contextmanager
def no_threads() -> Iterator[None]:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError(NO_THREAD)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield
