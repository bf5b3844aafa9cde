"""An event loop in a thread of its own: where a model's coroutines run on every server.

One for the process, so that an async client a model keeps for all its requests stays with
the loop it belongs to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.prediction.lane.executor import NO_THREAD

T = TypeVar("T")


class LoopThread:
    """Started by the first coroutine: a process that forks before loses nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine, in the caller's context, as one task.

        Raises:
            OverloadedError: the system has no thread for the loop. The next one tries again.
        """
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._running())
        except OverloadedError:
            coroutine.close()
            raise

    def close(self) -> None:
        """End the loop; coroutines that still run are cancelled."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop, self._thread = _started()
            return self._loop


def _started() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop,), name="model-loop", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        loop.close()
        raise OverloadedError(NO_THREAD) from error
    return loop, thread


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        _cancel_all(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
