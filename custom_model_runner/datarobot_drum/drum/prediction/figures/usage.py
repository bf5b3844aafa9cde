"""The processes of this server and the memory that they and the machine use.

Whoever asks while a hook computes gives the interpreter away with each system call, and may wait
5 ms for it to come back. So little is looked at: one file a process for its memory and one for
its command line, and nothing of other programs. And not often: what was seen is told again for
``MAX_AGE`` seconds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.utils.control_groups import MemoryGroup, memory_group, read_number

MEGABYTE: Final = 1024 * 1024
# Seconds for which a look is good; longer where it took more than this share of them, as it may
# with many processes of many pages.
MAX_AGE: Final = 1.0
_SHARE: Final = 0.05
# Seconds after which limits are looked for again: orchestrators may change them.
_LIMIT_AGE: Final = 60.0
# Larger than any of the files, so that one call reads each.
_READ_BYTES: Final = 256 * 1024


class Usage(NamedTuple):
    """One look, as ``/stats/`` shows it: sizes are in MB."""

    processes: list[dict[str, Any]]
    memory: dict[str, float | None]


class UsageWatch:
    """Tells the latest look, and looks again when that is too old.

    Args:
        root: of the file system in which control groups are looked for.
        now: a clock in seconds.
    """

    def __init__(self, root: Path = Path("/"), now: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._now = now
        self._lock = threading.Lock()
        self._latest: Usage | None = None
        self._good_until = 0.0
        self._group: MemoryGroup | None = None
        self._group_good_until = 0.0
        # The parent, and whether it is this server's master.
        self._parent: tuple[int, bool] = (0, False)

    def look(self) -> Usage:
        with self._lock:
            started = self._now()
            if self._latest is None or started >= self._good_until:
                self._latest = self._look()
                ended = self._now()
                self._good_until = ended + max(MAX_AGE, (ended - started) / _SHARE)
            return self._latest

    def _look(self) -> Usage:
        import psutil

        processes: list[dict[str, Any]] = []
        rss, shares = 0, []
        for pid in self._family():
            try:
                resident, share = _memory_of(pid)
                cmdline = _cmdline_of(pid)
            except psutil.Error:
                # It has ended meanwhile.
                continue
            rss += resident
            shares.append(share)
            size = resident / MEGABYTE
            processes.append({"cmdline": cmdline, "cpu_percent": 0.0, "mem": size, "pid": pid})
        machine = psutil.virtual_memory()
        used, limit, peak = self._container_memory()
        memory = {
            "avail": machine.available / MEGABYTE,
            "container_limit": limit,
            "container_max_used": peak,
            "container_used": used,
            "drum_pss": _sum_of(shares),
            "drum_rss": rss / MEGABYTE,
            "free": machine.free / MEGABYTE,
            "total": machine.total / MEGABYTE,
        }
        return Usage(processes, memory)

    def _family(self) -> list[int]:
        """The master and its workers; without a master this process and its children."""
        own, parent = os.getpid(), os.getppid()
        if self._parent[0] != parent:
            self._parent = (parent, _is_same_program(own, parent))
        head = parent if self._parent[1] else own
        return [head, *_children(head)]

    def _container_memory(self) -> tuple[float | None, float | None, float | None]:
        """Used, limit and peak, in MB."""
        if self._now() >= self._group_good_until:
            self._group = memory_group(self._root)
            self._group_good_until = self._now() + _LIMIT_AGE
        if self._group is None:
            return None, None, None
        used, peak = read_number(self._group.used), read_number(self._group.peak)
        return _megabytes(used), self._group.limit / MEGABYTE, _megabytes(peak)


def _sum_of(shares: list[int | None]) -> float | None:
    """MB; None where one of them is not known."""
    known = [share for share in shares if share is not None]
    return sum(known) / MEGABYTE if len(known) == len(shares) else None


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / MEGABYTE


def _children(pid: int) -> list[int]:
    """Children of this process, or of a master, whose main thread forks its workers."""
    try:
        if pid != os.getpid():
            return _children_of_thread(pid, str(pid))
        # All threads may have some; mostly there is none to ask them for.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        threads = os.listdir("/proc/self/task")
        return sorted(child for each in threads for child in _children_of_thread(pid, each))
    except ChildProcessError:
        return []
    except (OSError, AttributeError):
        # A kernel without these files, a system without this call.
        return _children_by_asking_all(pid)


def _children_of_thread(pid: int, thread: str) -> list[int]:
    return [int(word) for word in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _children_by_asking_all(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _memory_of(pid: int) -> tuple[int, int | None]:
    """Bytes: resident, and its share of them (``pss``), in which a page that several processes
    share is divided among them: None where the system doesn't tell.

    Raises:
        psutil.Error: there is no such process.
    """
    import psutil

    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
        sizes = {line.split(b":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
        return sizes[b"Rss"], sizes[b"Pss"]
    except (OSError, KeyError):
        # Not Linux, or an old one, or a process that does not show itself.
        return psutil.Process(pid).memory_info().rss, None


def _cmdline_of(pid: int) -> list[str]:
    """
    Raises:
        psutil.Error: there is no such process, or it has ended.
    """
    import psutil

    try:
        text = os.fsdecode(_read(f"/proc/{pid}/cmdline"))
    except OSError:
        text = ""
    words = text.removesuffix("\0").split("\0") if text else psutil.Process(pid).cmdline()
    return list(words)


def _is_same_program(one: int, other: int) -> bool:
    """A worker's master is the same program; a shell or an init system is not."""
    import psutil

    try:
        return _cmdline_of(one) == _cmdline_of(other)
    except psutil.Error:
        return False


def _read(path: str) -> bytes:
    """Three system calls, where ``open`` makes seven."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
