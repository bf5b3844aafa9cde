"""The metrics that user code defines with prometheus-client, of all processes that share a
directory.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, multiprocess
from prometheus_client.core import Metric

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.figures.peers import BROKEN

logger = get_drum_logger("figures")

# As prometheus-client names them, by the kind of their metrics and by process.
_NAME: Final = re.compile(r"(counter|gauge_[a-z]+|histogram|summary)_[\w-]+\.db", re.ASCII)
# What reading bytes that mean nothing may end in.
_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    *(AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, struct.error),
)


class UsersMetrics:
    """Collects them for a page; a file that is broken costs its own figures only.

    Args:
        directory: where each process has files of its own.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._broken: set[str] = set()
        # Typed in some of its releases only.
        self._untyped: Any = multiprocess

    def forget(self, process: int) -> None:
        """The process has ended: what it had at the moment is no figure any more."""
        self._untyped.mark_process_dead(process, str(self._directory))

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterable[Metric]:
        files = sorted(str(path) for path in self._directory.iterdir() if _is_ours(path))
        try:
            return self._merged(files)
        except _UNREADABLE:
            return self._merged(self._readable(files))

    def _merged(self, files: list[str]) -> Iterable[Metric]:
        merged: Iterable[Metric] = self._untyped.MultiProcessCollector.merge(files)
        return merged

    def _readable(self, files: list[str]) -> list[str]:
        """Those that can be read together."""
        readable: list[str] = []
        for file in files:
            try:
                self._merged([*readable, file])
                readable.append(file)
            except _UNREADABLE:
                if file not in self._broken:
                    self._broken.add(file)
                    logger.warning(BROKEN, file)
        return readable


def _is_ours(path: Path) -> bool:
    if _NAME.fullmatch(path.name) is None:
        return False
    try:
        about = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(about.st_mode)
