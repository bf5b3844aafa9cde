"""How much memory this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

# cgroup v1 writes "no limit" as a huge page-aligned number.
NO_LIMIT: Final = 1 << 60
_V1_LIMIT: Final = "memory.limit_in_bytes"
_V2_LIMIT: Final = "memory.max"


def available_memory(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Bytes: the machine's memory, or what control groups leave of it; None: nobody tells.

    Args:
        root: where the control groups are mounted.
        own: tells the groups of this process.
    """
    limits = [*_group_limits(root, own)]
    machine = _machine_memory()
    if machine is not None:
        limits.append(machine)
    return min(limits, default=None)


def _group_limits(root: Path, own: Path) -> Iterator[int]:
    """The limits of the process's groups and of all that these are in."""
    for controllers, path in _groups(own):
        if "memory" in controllers:
            folder, name = root / "memory", _V1_LIMIT
        elif controllers == [""]:
            folder, name = root, _V2_LIMIT
        else:
            continue
        group = PurePosixPath(path)
        for place in (group, *group.parents):
            limit = _number(folder / str(place).lstrip("/") / name)
            if limit is not None:
                yield limit


def _groups(own: Path) -> Iterator[tuple[list[str], str]]:
    """(controllers, path) of each line; the root where there is no such file."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines or ("0::/", "1:memory:/"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        yield controllers.split(","), path


def _number(path: Path) -> int | None:
    try:
        number = int(path.read_text())
    except (OSError, ValueError):
        # No such file, or `max`: no limit.
        return None
    return number if 0 < number < NO_LIMIT else None


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
