"""Numbers that several processes count together.

Counting happens on every request, so it must cost next to nothing: each process adds to its
own array of doubles in memory. Where processes share a directory that array is a mapped
file, and whoever is asked for the figures sums up all files. A process holds a lock on its
file while it lives; the counts of one that has gone are kept, its levels are forgotten.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

# The name is prometheus-client's, so that metrics which user code defines are shared alike.
DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

# A record: length of the key (0: none yet), the key, and the number in the last eight bytes.
_RECORD: Final = 128
# From one number to the next, counted in doubles.
STRIDE: Final = _RECORD // 8
_KEY_BYTES: Final = _RECORD - 9
_RECORDS: Final = 16384
_SIZE: Final = _RECORD * _RECORDS
_SUFFIX: Final = ".counters"
_RETIRED: Final = "retired.json"

Numbers = dict[str, float]


class SharedCounters:
    """This process's numbers. A forked child starts again from zero, in a file of its own.

    Args:
        directory: shared with the peers; None keeps the numbers to this process.
        levels: the first fields of keys that mean a level, not a count.
    """

    def __init__(self, directory: str | None, levels: frozenset[str] = frozenset()) -> None:
        self._directory = None if directory is None else Path(directory)
        self._levels = levels
        self._slots: dict[str, int] = {}
        # Process ids of peers that were found dead; whoever acts on them empties it.
        self.gone: list[int] = []
        self._open()
        _LIVING.add(self)

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._fd, self._path = (-1, None)
        if self._directory is not None:
            self._fd, self._path = _own_file(self._directory)
        self._memory = mmap.mmap(self._fd, _SIZE)
        self._doubles = memoryview(self._memory).cast("d")
        for key, slot in self._slots.items():
            self._name(slot, key)

    def reopen(self) -> None:
        """Called in a forked child: let go of the parent's numbers, keep the layout."""
        self._doubles.release()
        # A thread that was reading it when another forked has not let go of it.
        with contextlib.suppress(BufferError):
            self._memory.close()
        self.close()
        try:
            self._open()
        except OSError:
            # The directory has been removed: nobody is left to share with.
            self._directory = None
            self._open()

    def close(self) -> None:
        """Let go of the file: the peers count this process as ended."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

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
                for record, key in enumerate(keys, first):
                    self._slots[key] = record * STRIDE + STRIDE - 1
                    self._name(self._slots[key], key)
            return self._slots[keys[0]]

    def _name(self, slot: int, key: str) -> None:
        name = key.encode()[:_KEY_BYTES]
        start = slot // STRIDE * _RECORD
        self._memory[start + 1 : start + 1 + len(name)] = name
        # Last, so that a reader never sees half a key.
        self._memory[start] = len(name)

    def add(self, *changes: tuple[int, float]) -> None:
        """Add to some numbers: (slot, amount) each."""
        doubles = self._doubles
        with self._lock:
            for slot, amount in changes:
                doubles[slot] += amount

    def totals(self) -> Numbers:
        """The sums over all processes: counts also of those that ended."""
        own = _numbers(self._memory)
        if self._directory is None:
            return own
        with _locked(self._directory):
            totals = _retired(self._directory)
            for path in self._directory.glob(f"*{_SUFFIX}"):
                if path == self._path:
                    _add(totals, own)
                elif _is_dead(path):
                    _add(totals, self._retire(path))
                else:
                    _add(totals, _read(path))
        return totals

    def _retire(self, path: Path) -> Numbers:
        """Move the counts of a process that has gone to where they are kept."""
        directory = path.parent
        counts = {k: v for k, v in _read(path).items() if k.split("\t")[0] not in self._levels}
        retired = _retired(directory)
        _add(retired, counts)
        fresh = directory / f"{_RETIRED}.new"
        fresh.write_text(json.dumps(retired))
        fresh.replace(directory / _RETIRED)
        path.unlink()
        self.gone.append(int(path.name.split("_")[0]))
        return counts


_LIVING: Final[weakref.WeakSet[SharedCounters]] = weakref.WeakSet()


def _reopen_all() -> None:
    for counters in list(_LIVING):
        counters.reopen()


os.register_at_fork(after_in_child=_reopen_all)


@contextlib.contextmanager
def shared_directory() -> Iterator[str]:
    """A directory in which worker processes share their figures; made before they fork.

    One that the environment names already is used and left; else a temporary one is made,
    named in the environment and removed at the end by the process that made it.
    """
    given = os.environ.get(DIRECTORY_VARIABLE)
    if given:
        Path(given).mkdir(parents=True, exist_ok=True)
        for stale in (*Path(given).glob(f"*{_SUFFIX}"), Path(given, _RETIRED)):
            stale.unlink(missing_ok=True)
        yield given
        return
    owner = os.getpid()
    made = tempfile.mkdtemp(prefix="drum-metrics-")
    os.environ[DIRECTORY_VARIABLE] = made
    try:
        yield made
    finally:
        # Workers leave this block too, when they end.
        if os.getpid() == owner:
            del os.environ[DIRECTORY_VARIABLE]
            shutil.rmtree(made, ignore_errors=True)


def _own_file(directory: Path) -> tuple[int, Path]:
    """A new file (descriptor, path), locked before it gets the name that peers look for."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=f"{os.getpid()}_")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.truncate(descriptor, _SIZE)
    return descriptor, Path(name).rename(name + _SUFFIX)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / "lock").open("wb") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield


def _is_dead(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _retired(directory: Path) -> Numbers:
    try:
        found: Numbers = json.loads((directory / _RETIRED).read_text())
    except FileNotFoundError:
        return {}
    return found


def _read(path: Path) -> Numbers:
    with path.open("rb") as file, mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ) as area:
        return _numbers(area)


def _numbers(area: mmap.mmap) -> Numbers:
    found = {}
    with memoryview(area) as raw, raw.cast("d") as doubles:
        for start in range(0, _SIZE, _RECORD):
            length = raw[start]
            if not length:
                break
            key = bytes(raw[start + 1 : start + 1 + length]).decode()
            found[key] = doubles[start // 8 + STRIDE - 1]
    return found


def _add(totals: Numbers, more: Mapping[str, float]) -> None:
    for key, number in more.items():
        totals[key] = totals.get(key, 0.0) + number
