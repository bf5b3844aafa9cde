"""How many processors this process may use."""

from __future__ import annotations

import os
from pathlib import Path

from datarobot_drum.drum.utils.control_groups import processor_limit


def available_processors(root: Path = Path("/")) -> int:
    """Those that the process may run on, or what a container's limit leaves of them; 1 or more.

    Args:
        root: of the file system; another one where a test has laid out a tree.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    limit = processor_limit(root)
    return count if limit is None else min(count, max(int(limit), 1))
