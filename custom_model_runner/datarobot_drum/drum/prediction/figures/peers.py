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
import math
import mmap
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger

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

# A key is no longer, and so few names are ours.
KEY_BYTES: Final = RECORD - 9
_NAME: Final = re.compile(rf"[0-9]{{1,10}}_\w+{re.escape(SUFFIX)}", re.ASCII)
BROKEN: Final = "The figures in %s are broken, and left out."

logger = get_drum_logger("figures")

Numbers = dict[str, float]


class BrokenFileError(Exception):
    """A file is not one that a process counts in."""


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
        self._broken: set[Path] = set()
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
            for path, peer in list(self._living.items()):
                with self._leaving_out(path):
                    add(totals, numbers(peer.memory))
        return totals

    @contextlib.contextmanager
    def _leaving_out(self, path: Path) -> Iterator[None]:
        """A broken file costs its own figures only."""
        try:
            yield
        except BrokenFileError:
            logger.warning(BROKEN, path)
            self._broken.add(path)
            if path in self._living:
                self._living.pop(path).close()

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
            files = {path for path in self._directory.iterdir() if _NAME.fullmatch(path.name)}
            found = files - {self._own}
            self._broken &= found
            for path in self._living.keys() - found:
                self._living.pop(path).close()
            for path in found - self._living.keys() - self._broken:
                with self._leaving_out(path):
                    self._living[path] = _Peer(path)
            for path, peer in list(self._living.items()):
                with self._leaving_out(path):
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
        # No link is followed, and no pipe waited for.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._descriptor = os.open(path, flags)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise BrokenFileError from error
        about = os.fstat(self._descriptor)
        if not (stat.S_ISREG(about.st_mode) and about.st_size == SIZE):
            os.close(self._descriptor)
            raise BrokenFileError
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
    path = directory / RETIRED
    try:
        # A pipe would be waited for, under the lock that all processes take.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise BrokenFileError
        found = json.loads(path.read_bytes())
        return {str(key): _finite(number) for key, number in found.items()}
    except FileNotFoundError:
        return {}
    # The next process that ends writes it anew.
    except (AttributeError, BrokenFileError, RecursionError, ValueError):
        logger.warning(BROKEN, path)
        return {}


def _finite(number: object) -> float:
    if isinstance(number, int | float) and math.isfinite(number):
        return number
    raise BrokenFileError


def numbers(area: mmap.mmap) -> Numbers:
    """What a process has counted. Looks no further than the first record without a key.

    Raises:
        BrokenFileError: nobody counts so.
    """
    found = {}
    with memoryview(area) as raw, raw.cast("d") as doubles:
        for start in range(0, SIZE, RECORD):
            length = raw[start]
            if not length:
                break
            try:
                key = bytes(raw[start + 1 : start + 1 + length]).decode()
            except UnicodeDecodeError as error:
                raise BrokenFileError from error
            if length > KEY_BYTES:
                raise BrokenFileError
            found[key] = _finite(doubles[start // 8 + STRIDE - 1])
    return found


def add(totals: Numbers, more: Mapping[str, float]) -> None:
    for key, number in more.items():
        totals[key] = totals.get(key, 0.0) + number
