"""What a process has cost when it has ended, or so far: CPU of its tree, and peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil


class Cost(NamedTuple):
    """CPU seconds, and megabytes at the most."""

    cpu: float
    memory: float


def environment(checkout: Path | None = None) -> dict[str, str]:
    """Of a measured process: it may keep its bytecode, as an installed program does."""
    variables = {**os.environ}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    if checkout is not None:
        variables["PYTHONPATH"] = str(checkout / "custom_model_runner")
    return variables


def cost_of(command: Sequence[str], variables: Mapping[str, str]) -> Cost:
    """Run to the end. The peak starts at this process's own, which therefore has to be light.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    with subprocess.Popen(
        list(command), env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: {said[-1500:]}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def taking_turns(targets: Mapping[str, Callable[[], Cost]], turns: int) -> dict[str, Cost]:
    """The median of each."""
    found: dict[str, list[Cost]] = {name: [] for name in targets}
    for _ in range(turns):
        for name, run in targets.items():
            found[name].append(run())
    return {
        name: Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))
        for name, costs in found.items()
    }


def cpu_so_far(pid: int) -> float:
    """Seconds of a process that runs, and of its children; much finer than clock ticks."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    # Linux: the clock of a process by its number.
    return sum(time.clock_gettime((~process.pid << 3) | 2) for process in family)
