"""What the control groups of this process allow it, by both versions of Linux's interface.

The limits stand where the process's own group is, which ``/proc/self/cgroup`` tells, below the
places where the groups are mounted. A group's limit holds for all groups inside of it: the least
one of the process's own group and of those around it counts. Groups outside of a container cannot
be seen from its inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

# v1 writes "no limit" as a huge page-aligned number.
_NO_LIMIT: Final = 1 << 60
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class _Names(NamedTuple):
    """Files of the memory controller."""

    limit: str
    used: str
    peak: str


_V1: Final = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes")
_V2: Final = _Names("memory.max", "memory.current", "memory.peak")
# Quota and period in microseconds.
_V1_QUOTA: Final = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
_V2_QUOTA: Final = ("cpu.max",)


class MemoryGroup(NamedTuple):
    """The group whose memory limit is the least; sizes in bytes.

    ``used`` and ``peak`` are files that hold a number, of which kernels may lack the second.
    """

    limit: int
    used: Path
    peak: Path


class _Mount(NamedTuple):
    """Where groups are mounted, and which of them is the top there. ``is_v2``: all controllers."""

    point: Path
    top: str
    is_v2: bool


def memory_group(root: Path = Path("/")) -> MemoryGroup | None:
    """The group that bounds this process's memory; None: no group does, or there are none.

    Args:
        root: of the file system; another one where a test has laid out a tree.
    """
    least: MemoryGroup | None = None
    for folder, is_v2 in _own_groups(root, "memory"):
        names = _V2 if is_v2 else _V1
        limit = read_number(folder / names.limit)
        if limit is not None and limit < _NO_LIMIT and (least is None or limit < least.limit):
            least = MemoryGroup(limit, folder / names.used, folder / names.peak)
    return least


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that this process and those beside it in its group may use; None: no limit."""
    group = memory_group(root)
    return None if group is None else group.limit


def processor_limit(root: Path = Path("/")) -> float | None:
    """How many processors' time this process's groups may use; None: no limit."""
    found = (
        _quota(folder, _V2_QUOTA if is_v2 else _V1_QUOTA)
        for folder, is_v2 in _own_groups(root, "cpu")
    )
    return min((limit for limit in found if limit is not None), default=None)


def read_number(path: Path) -> int | None:
    """The number in a file; None: there is none, or it is ``max``."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _quota(folder: Path, names: tuple[str, ...]) -> float | None:
    try:
        words = " ".join((folder / name).read_text() for name in names).split()
        quota, period = (int(word) for word in words)
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _own_groups(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """The folders of this process's groups, from its own outwards; and whether they are v2."""
    memberships = _memberships(root)
    for mount in _mounts(root, controller):
        path = memberships.get("" if mount.is_v2 else controller, "/")
        folder = mount.point / _below(path, mount.top)
        while True:
            yield folder, mount.is_v2
            if folder == mount.point:
                break
            folder = folder.parent


def _memberships(root: Path) -> dict[str, str]:
    """This process's group by controller; that of v2 under the empty name."""
    found = {}
    for line in _lines(root / "proc/self/cgroup"):
        fields = line.split(":", 2)
        if len(fields) == 3:
            found.update(dict.fromkeys(fields[1].split(","), fields[2]))
    return found


def _mounts(root: Path, controller: str) -> list[_Mount]:
    """Where groups of this controller are mounted; the usual places where nothing tells."""
    found = []
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_v2 = kind[0] == "cgroup2"
        if is_v2 or (kind[0] == "cgroup" and controller in kind[2].split(",")):
            point = root / _unescaped(fields[4]).lstrip("/")
            found.append(_Mount(point, _unescaped(fields[3]), is_v2))
    usual = root / "sys/fs/cgroup"
    return found or [_Mount(usual, "/", True), _Mount(usual / controller, "/", False)]


def _below(path: str, top: str) -> PurePosixPath:
    """A group's path below a mount. Where that shows another part of the tree, as it may in a
    container, its top is the nearest to the process's own group that can be seen.
    """
    group, around = PurePosixPath(path), PurePosixPath(top)
    if ".." in (*group.parts, *around.parts) or not group.is_relative_to(around):
        return PurePosixPath()
    return group.relative_to(around)


def _unescaped(field: str) -> str:
    """Blanks and backslashes in paths are octal numbers there."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
