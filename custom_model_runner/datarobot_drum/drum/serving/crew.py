"""How many workers there are to be: what follows for those that there are.

The workers that are looked at here are those that stay: none that is ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from datarobot_drum.drum.serving.backoff import Backoff


class Worker(Protocol):
    """Attributes:
    is_ready: its model is loaded.
    is_recycled: it serves until another has taken its place.
    """

    @property
    def is_ready(self) -> bool: ...

    @property
    def is_recycled(self) -> bool: ...


AnyWorker = TypeVar("AnyWorker", bound=Worker)


def to_start(count: int, workers: Sequence[Worker], backoff: Backoff) -> int:
    """How many workers to start now."""
    loading = sum(not worker.is_ready for worker in workers)
    missing = count - len(workers)
    if not missing and not loading:
        # One replacement at a time: a second model in memory is enough.
        missing = int(any(worker.is_recycled for worker in workers))
    return backoff.may_start(missing, loading, len(workers) - loading)


def to_retire(count: int, workers: Sequence[AnyWorker]) -> AnyWorker | None:
    """A worker that is to end now, if there are too many. The oldest comes first."""
    too_many = len(workers) - count
    is_replacing = any(worker.is_recycled for worker in workers) and not all(
        worker.is_ready for worker in workers
    )
    if too_many <= int(is_replacing):
        return None
    return min(workers, key=lambda worker: (worker.is_ready, not worker.is_recycled))
