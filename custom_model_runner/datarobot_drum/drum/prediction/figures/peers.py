"""The numbers of the other processes that share a directory, as ``shared_counters`` writes them.

The files of peers stay open and mapped, so that to sum them up takes one system call for the
directory and one for each of them. Only when the directory has changed, or one of them has gone,
is it listed, under a lock that all of them take for that.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import mmap
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

# A record: length of the key (0: none yet), the key, and the number in the last eight bytes.
RECORD: Final = 128
# From one number to the next, counted in doubles.
STRIDE: Final = RECORD // 8
SIZE: Final = RECORD * 16384
SUFFIX: Final = ".counters"
RETIRED: Final = "retired.json"
# Nanoseconds by which a directory's time must lie back: a change in the same tick of the file
# system's clock as an earlier one does not show.
_SETTLED: Final = 1_000_000_000
# The file system cannot promise blocks: then it is not asked to.
_NO_PROMISES: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})

Numbers = dict[str, float]


class Peers:
    """The other processes that count in a directory.

    Args:
        own: this process's file.
        levels: the first fields of keys that mean a level, not a count.
    """

    def __init__(self, directory: Path, own: Path, levels: frozenset[str]) -> None:
        # Process ids of those that were found dead; whoever acts on them empties it.
        self.gone: list[int] = []
        self._directory = directory
        self._own = own
        self._levels = levels
        self._lock = threading.Lock()
        self._living: dict[Path, _Peer] = {}
        self._retired: Numbers = {}
        # When the directory had changed last, as it was listed; None: list it again.
        self._seen: int | None = None

    def totals(self) -> Numbers:
        """The sums over all peers: counts also of those that ended."""
        with self._lock:
            try:
                if self._has_changed() or any(peer.is_dead() for peer in self._living.values()):
                    self._list()
            except OSError:
                # The disk is full, or the directory gone: what is known is told.
                self._seen = None
            totals = dict(self._retired)
            for peer in self._living.values():
                add(totals, numbers(peer.memory))
        return totals

    def close(self) -> None:
        for peer in self._living.values():
            peer.close()
        self._living.clear()
        self._seen = None

    def _has_changed(self) -> bool:
        return self._seen is None or self._directory.stat().st_mtime_ns != self._seen

    def _list(self) -> None:
        now = time.time_ns()
        with _locked(self._directory):
            changed = self._directory.stat().st_mtime_ns
            self._seen = changed if now - changed > _SETTLED else None
            found = set(self._directory.glob(f"*{SUFFIX}")) - {self._own}
            for path in self._living.keys() - found:
                self._living.pop(path).close()
            for path in found - self._living.keys():
                self._living[path] = _Peer(path)
            for path, peer in list(self._living.items()):
                if peer.is_dead():
                    self._retire(path, peer)
            self._retired = _retired(self._directory)

    def _retire(self, path: Path, peer: _Peer) -> None:
        """Move the counts of a process that has gone to where they are kept."""
        everything = numbers(peer.memory)
        counts = {k: v for k, v in everything.items() if k.split("\t")[0] not in self._levels}
        retired = _retired(self._directory)
        add(retired, counts)
        fresh = self._directory / f"{RETIRED}.new"
        fresh.write_text(json.dumps(retired))
        fresh.replace(self._directory / RETIRED)
        path.unlink()
        self._living.pop(path).close()
        self._seen = None
        self.gone.append(int(path.name.split("_")[0]))


class _Peer:
    """One process's file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.memory = mmap.mmap(self._descriptor, SIZE, access=mmap.ACCESS_READ)

    def is_dead(self) -> bool:
        """Nobody holds the lock of its file."""
        return is_free(self._descriptor)

    def close(self) -> None:
        self.memory.close()
        os.close(self._descriptor)


def is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock of a file: whoever held it has ended."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def allocate(descriptor: int, size: int) -> None:
    """Have the blocks for the first bytes of a file, so that writing to its pages finds room.

    Raises:
        OSError: there is none.
    """
    # Not every system has it.
    if sys.platform != "linux":
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NO_PROMISES:
            raise


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("wb") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield


def _retired(directory: Path) -> Numbers:
    try:
        found: Numbers = json.loads((directory / RETIRED).read_text())
    except FileNotFoundError:
        return {}
    return found


def numbers(area: mmap.mmap) -> Numbers:
    """What a process has counted. Looks no further than the first record without a key."""
    found = {}
    with memoryview(area) as raw, raw.cast("d") as doubles:
        for start in range(0, SIZE, RECORD):
            length = raw[start]
            if not length:
                break
            key = bytes(raw[start + 1 : start + 1 + length]).decode()
            found[key] = doubles[start // 8 + STRIDE - 1]
    return found


def add(totals: Numbers, more: Mapping[str, float]) -> None:
    for key, number in more.items():
        totals[key] = totals.get(key, 0.0) + number
