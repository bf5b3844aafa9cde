"""The processes of this server and the memory that they and the machine use.

Whoever asks while a hook computes gives the interpreter away with each system call, and may wait
5 ms for it to come back; if the call takes long, he does. So little is looked at: one file a
process for its memory and its work, one for its command line, and nothing of other programs. And
not often: what was seen is told again for ``MAX_AGE`` seconds. What takes the system milliseconds,
the share of each process in common pages, is looked at beside, and told with the next answer.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.masking import masked_command
from datarobot_drum.drum.utils.control_groups import MemoryGroup, memory_group, read_number

MEGABYTE: Final = 1024 * 1024
# Seconds for which a look is good.
MAX_AGE: Final = 1.0
# The same for common pages, whose look may take no more than this part of the time; and the age
# at which nobody is told of them any more.
PSS_AGE: Final = 5.0
_PART: Final = 0.05
PSS_TOO_OLD: Final = 300.0
# Seconds after which limits are looked for again: orchestrators may change them.
_LIMIT_AGE: Final = 60.0
_PAGE: Final = resource.getpagesize()
# Seconds in which processors' time is counted.
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
# Larger than any of the files, so that one call reads each.
_READ_BYTES: Final = 256 * 1024


class Usage(NamedTuple):
    """One look, as ``/stats/`` shows it: sizes are in MB, work is in percent of one processor since
    the look before; 0.0 at the first, as psutil has it.
    """

    processes: list[dict[str, Any]]
    memory: dict[str, float | None]


class _Process(NamedTuple):
    """
    Attributes:
        resident: bytes of its memory that are in place.
        worked: seconds of processors that it has had.
        began: when; of which beginning depends on the system.
    """

    resident: int
    worked: float
    began: float


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
        self._pages = CommonPages(now)
        # By id and beginning, as ids are given again: when it was seen, and its work by then.
        self._worked: dict[tuple[int, float], tuple[float, float]] = {}
        self._latest: Usage | None = None
        self._good_until = 0.0
        self._group: MemoryGroup | None = None
        self._group_good_until = 0.0
        # The parent, and whether it is this server's master.
        self._parent: tuple[int, bool] = (0, False)

    def look(self) -> Usage:
        with self._lock:
            if self._latest is None or self._now() >= self._good_until:
                self._latest = self._look()
                self._good_until = self._now() + MAX_AGE
            return self._latest

    def _look(self) -> Usage:
        import psutil

        processes: list[dict[str, Any]] = []
        before, self._worked = self._worked, {}
        family = self._family()
        for pid in family:
            try:
                found = _figures_of(pid)
                cmdline = _cmdline_of(pid)
            except psutil.Error:
                # It has ended meanwhile.
                continue
            size, now = found.resident / MEGABYTE, self._now()
            seen, worked = before.get((pid, found.began), (now, found.worked))
            self._worked[pid, found.began] = now, found.worked
            percent = round(100 * (found.worked - worked) / max(now - seen, _TICK), 1)
            cmdline = masked_command(cmdline)
            processes.append({"cmdline": cmdline, "cpu_percent": percent, "mem": size, "pid": pid})
        machine = psutil.virtual_memory()
        used, limit, peak = self._container_memory()
        memory = {
            "avail": machine.available / MEGABYTE,
            "container_limit": limit,
            "container_max_used": peak,
            "container_used": used,
            "drum_pss": _megabytes(self._pages.total(family)),
            "drum_rss": sum(process["mem"] for process in processes),
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


class CommonPages:
    """The memory of processes with what they have in common counted once.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._total: int | None = None
        self._seen: float | None = None
        self._good_until = 0.0
        self._looking: threading.Thread | None = None

    def total(self, family: Sequence[int]) -> int | None:
        """Bytes, as they were lately; None: the system does not tell. By one thread at a time."""
        now = self._now()
        if self._seen is None or now >= self._seen + PSS_TOO_OLD:
            self._look(family)
        elif now >= self._good_until and not (self._looking and self._looking.is_alive()):
            self._look_beside(family)
        return self._total

    def _look_beside(self, family: Sequence[int]) -> None:
        looking = threading.Thread(target=self._look, args=(family,), daemon=True)
        # Out of threads: what is known is told once more.
        with contextlib.suppress(RuntimeError):
            looking.start()
            self._looking = looking

    def _look(self, family: Sequence[int]) -> None:
        started = self._now()
        shares = [_share_of(pid) for pid in family]
        known = [share for share in shares if share is not None]
        self._total = sum(known) if len(known) == len(shares) else None
        self._seen = self._now()
        self._good_until = self._seen + max(PSS_AGE, (self._seen - started) / _PART)


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
        if len(threads) > len(os.listdir("/proc")):
            # A thread for each of many connections: there are fewer processes to look at.
            return _children_by_asking_all(pid)
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


def _figures_of(pid: int) -> _Process:
    """Raises:
    psutil.Error: there is no such process.
    """
    import psutil

    try:
        # Behind the program's name, which may hold anything: from the third field on.
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        user, system, began = (int(fields[number - 3]) * _TICK for number in (14, 15, 22))
        return _Process(int(fields[24 - 3]) * _PAGE, user + system, began)
    except (OSError, IndexError):
        process = psutil.Process(pid)
        times = process.cpu_times()
        worked = times.user + times.system
        return _Process(process.memory_info().rss, worked, process.create_time())


def _share_of(pid: int) -> int | None:
    """Bytes (``pss``): a page that several processes have in common is divided among them. None:
    the system does not tell.
    """
    try:
        text = _read(f"/proc/{pid}/smaps_rollup")
    except FileNotFoundError:
        # Ended; or not Linux, or an old one.
        return 0 if os.path.exists("/proc/self/smaps_rollup") else None
    except ProcessLookupError:
        return 0
    except OSError:
        return None
    found = [line.split()[1] for line in text.splitlines() if line.startswith(b"Pss:")]
    return int(found[0]) * 1024 if found else None


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
