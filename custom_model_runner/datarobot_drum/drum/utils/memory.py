"""How much memory this process may use."""

from __future__ import annotations

import os
from pathlib import Path

from datarobot_drum.drum.utils.control_groups import memory_limit


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes: the machine's memory, or what control groups leave of it; None: nobody tells.

    Args:
        root: of the file system; another one where a test has laid out a tree.
    """
    limits = [limit for limit in (memory_limit(root), _machine_memory()) if limit is not None]
    return min(limits, default=None)


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
