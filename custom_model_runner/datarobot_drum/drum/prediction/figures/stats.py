"""What ``/stats/`` shows: the processes, their memory, and how long predictions took."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

MEGABYTE: Final = 1024 * 1024

# (usage, limit, peak) of the memory controller: cgroup v2, then v1.
_CGROUP_FILES: Final = (
    ("memory.current", "memory.max", "memory.peak"),
    (
        "memory/memory.usage_in_bytes",
        "memory/memory.limit_in_bytes",
        "memory/memory.max_usage_in_bytes",
    ),
)
# v1 writes "no limit" as a huge page-aligned number.
_NO_LIMIT: Final = 1 << 60


class TimingWindow:
    """Durations since the last look; reading resets it. Seconds, three decimals."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._count = 0
        self._total = 0.0
        self._low = float("inf")
        self._high = 0.0

    def add(self, seconds: float) -> None:
        with self._lock:
            self._count += 1
            self._total += seconds
            self._low = min(self._low, seconds)
            self._high = max(self._high, seconds)

    def take(self) -> Mapping[str, float | None]:
        with self._lock:
            if not self._count:
                return dict.fromkeys(("avg", "max", "min", "total"))
            figures = {
                "avg": round(self._total / self._count, 3),
                "max": round(self._high, 3),
                "min": round(self._low, 3),
                "total": round(self._total, 3),
            }
            self._reset()
            return figures


def memory_info(root: Path = Path("/sys/fs/cgroup")) -> dict[str, float | None]:
    """Memory in MB; container values are None outside a container."""
    import psutil

    memory = psutil.virtual_memory()
    used, limit, peak = _container_memory(root)
    rss = sum(process["mem"] for process in process_info())
    return {
        "avail": memory.available / MEGABYTE,
        "container_limit": limit,
        "container_max_used": peak,
        "container_used": used,
        "drum_rss": rss,
        "free": memory.free / MEGABYTE,
        "total": memory.total / MEGABYTE,
    }


def process_info() -> list[dict[str, Any]]:
    """This server's processes: the master and its workers."""
    import psutil

    own = psutil.Process()
    parent = own.parent()
    # A worker's master is the same program; a shell or an init system is not.
    if parent is not None and _same_program(own, parent):
        own = parent
    processes = [own, *own.children()]
    found = []
    for process in processes:
        try:
            found.append(
                {
                    "cmdline": process.cmdline(),
                    "cpu_percent": process.cpu_percent(),
                    "mem": process.memory_info().rss / MEGABYTE,
                    "pid": process.pid,
                }
            )
        except psutil.Error:
            continue
    return found


def _same_program(own: Any, other: Any) -> bool:
    import psutil

    try:
        return bool(own.cmdline() == other.cmdline())
    except psutil.Error:
        return False


def _container_memory(root: Path) -> tuple[float | None, float | None, float | None]:
    for names in _CGROUP_FILES:
        used, limit, peak = (_read_megabytes(root / name) for name in names)
        if limit is not None:
            return used, limit, peak
    return None, None, None


def _read_megabytes(path: Path) -> float | None:
    try:
        number = int(path.read_text().strip())
    except (OSError, ValueError):
        return None
    return None if number >= _NO_LIMIT else number / MEGABYTE
