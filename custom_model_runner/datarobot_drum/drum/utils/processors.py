"""How many processors this process may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

# Quota and period in microseconds: cgroup v2 in one file, v1 in two.
_QUOTAS: Final = (
    ("cpu.max",),
    ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
)


def available_processors(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Those that the process may run on, or what a container's limit leaves of them; 1 or more.

    Args:
        root: where the control groups are mounted.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    for names in _QUOTAS:
        limit = _limit(root, names)
        if limit is not None:
            count = min(count, max(int(limit), 1))
    return count


def _limit(root: Path, names: tuple[str, ...]) -> float | None:
    try:
        words = " ".join((root / name).read_text() for name in names).split()
        quota, period = (int(word) for word in words)
    except (OSError, ValueError):
        # No such file, or `max`: no limit.
        return None
    return quota / period if quota > 0 and period > 0 else None
