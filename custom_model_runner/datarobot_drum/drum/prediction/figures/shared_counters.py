"""Numbers that several processes count together.

Counting happens on every request, so it must cost next to nothing: each process adds to its
own array of doubles in memory. Where processes share a directory that array is a mapped
file, and whoever is asked for the figures sums up all files (``peers``). A process holds a lock
on its file while it lives; the counts of one that has gone are kept, its levels are forgotten.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.figures.peers import (
    KEY_BYTES,
    RECORD,
    SIZE,
    STRIDE,
    SUFFIX,
    Numbers,
    Peers,
    add,
    allocate,
    numbers,
)

logger = get_drum_logger("figures")

_RECORDS: Final = SIZE // RECORD
# Records for which a file has its blocks: writing to a mapped page that finds no room on the
# disk is a SIGBUS, which nobody survives.
_STEP: Final = 512
NOT_SHARED: Final = (
    "The figures cannot be shared with other processes (%s: %s): from here on /metrics and"
    " /stats/ tell of one worker each."
)


class SharedCounters:
    """This process's numbers. A forked child starts again from zero, in a file of its own.

    Where there is no file to be had, or no room for it to grow, they are kept in memory, unshared.

    Args:
        directory: shared with the peers; None keeps the numbers to this process.
        levels: the first fields of keys that mean a level, not a count.
    """

    def __init__(self, directory: str | None, levels: frozenset[str] = frozenset()) -> None:
        self._directory = None if directory is None else Path(directory)
        self._levels = levels
        self._slots: dict[str, int] = {}
        try:
            self._open()
        except OSError as error:
            self._keep_to_itself(error)
        _LIVING.add(self)

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._fd, self._peers = -1, None
        self._rooms = _RECORDS
        if self._directory is not None:
            rooms = _rooms_for(len(self._slots))
            self._fd, path = _own_file(self._directory, rooms)
            self._peers = Peers(self._directory, path, self._levels)
            self._rooms = rooms
        self._map()
        for key, slot in self._slots.items():
            self._name(slot, key)

    def _map(self) -> None:
        self._memory = mmap.mmap(self._fd, SIZE)
        self._doubles = memoryview(self._memory).cast("d")

    def _keep_to_itself(self, error: OSError) -> None:
        logger.warning(NOT_SHARED, self._directory, error.strerror or error)
        self._directory = None
        self._open()

    def reopen(self) -> None:
        """Called in a forked child: let go of the parent's numbers, keep the layout."""
        self._doubles.release()
        # A thread that was reading it when another forked has not let go of it.
        with contextlib.suppress(BufferError):
            self._memory.close()
        # The lock stays: it is the parent's.
        self._forget()
        try:
            self._open()
        except OSError:
            # The directory has been removed, or has no room: nobody is left to share with.
            self._directory = None
            self._open()

    def close(self) -> None:
        """Let go of the file: the peers count this process as ended."""
        if self._fd >= 0:
            # Its mapping has a descriptor of its own, which would hold the lock.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._forget()

    def _forget(self) -> None:
        if self._peers is not None:
            self._peers.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def gone(self) -> list[int]:
        """Process ids of peers that were found dead; whoever acts on them empties it."""
        return [] if self._peers is None else self._peers.gone

    def slot(self, key: str) -> int:
        """Where the number of ``key`` is; made at the first call."""
        known = self._slots.get(key)
        return self.slots((key,)) if known is None else known

    def slots(self, keys: Sequence[str]) -> int:
        """The first of as many places as there are keys, each ``STRIDE`` after the other.

        Raises:
            OverflowError: there are more keys than a bounded set of labels can make.
        """
        with self._lock:
            if keys[0] not in self._slots:
                first = len(self._slots)
                if first + len(keys) > _RECORDS:
                    raise OverflowError("too many different metrics")
                self._make_room(first + len(keys))
                for record, key in enumerate(keys, first):
                    self._slots[key] = record * STRIDE + STRIDE - 1
                    self._name(self._slots[key], key)
            return self._slots[keys[0]]

    def _make_room(self, records: int) -> None:
        # Whoever reads them looks at the record behind the last one too.
        if records < self._rooms or self._fd < 0:
            return
        try:
            allocate(self._fd, _rooms_for(records) * RECORD)
            self._rooms = _rooms_for(records)
        except OSError as error:
            logger.warning(NOT_SHARED, self._directory, error.strerror or error)
            self._leave()

    def _leave(self) -> None:
        """Go on in memory of this process's own; the peers keep what it has counted so far."""
        size = self._rooms * RECORD
        counted, shared = self._memory[:size], self._memory
        self._doubles.release()
        self.close()
        self._directory, self._peers, self._rooms = None, None, _RECORDS
        self._map()
        self._memory[:size] = counted
        shared.close()

    def _name(self, slot: int, key: str) -> None:
        name = key.encode()[:KEY_BYTES]
        start = slot // STRIDE * RECORD
        self._memory[start + 1 : start + 1 + len(name)] = name
        # Last, so that a reader never sees half a key.
        self._memory[start] = len(name)

    def add(self, *changes: tuple[int, float]) -> None:
        """Add to some numbers: (slot, amount) each."""
        with self._lock:
            doubles = self._doubles
            for slot, amount in changes:
                doubles[slot] += amount

    def totals(self) -> Numbers:
        """The sums over all processes: counts also of those that ended."""
        with self._lock:
            own = numbers(self._memory)
        peers = self._peers
        if peers is None:
            return own
        totals = peers.totals()
        add(totals, own)
        return totals


def _rooms_for(records: int) -> int:
    """For how many records a file gets its blocks: a whole step, and one more than these."""
    return min((records // _STEP + 1) * _STEP, _RECORDS)


def _own_file(directory: Path, records: int) -> tuple[int, Path]:
    """A new file (descriptor, path), locked before it gets the name that peers look for."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=f"{os.getpid()}_")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.truncate(descriptor, SIZE)
        allocate(descriptor, records * RECORD)
        return descriptor, Path(name).rename(name + SUFFIX)
    except OSError:
        os.close(descriptor)
        Path(name).unlink(missing_ok=True)
        raise


_LIVING: Final[weakref.WeakSet[SharedCounters]] = weakref.WeakSet()


def _reopen_all() -> None:
    for counters in list(_LIVING):
        counters.reopen()


os.register_at_fork(after_in_child=_reopen_all)
