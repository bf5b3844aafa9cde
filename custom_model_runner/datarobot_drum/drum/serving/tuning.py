"""What the process of a server is told before anything heavy is imported. No result changes."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.serving import collector, ending

T = TypeVar("T")

# What a server has open without a connection, some 20, and what its model may need.
FEWEST_DESCRIPTORS: Final = 64

# Read by OpenBLAS when it is loaded: 2 ** 4 cycles.
_BLAS_TIMEOUT: Final = ("OPENBLAS_THREAD_TIMEOUT", "4")

# Of glibc's mallopt; and what users set in their place.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_ALLOCATOR_VARIABLES: Final = (
    "GLIBC_TUNABLES",
    "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_TRIM_THRESHOLD_",
)
# Bytes: the largest threshold that glibc takes; and what a process keeps of its freed memory.
_LARGEST: Final = 32 * 1024 * 1024
_KEPT: Final = 128 * 1024 * 1024


def require_descriptors() -> None:
    """For the start of every server, before anything heavy is imported: with less than that
    imports fail in the middle, and modules and event loops are what the message would be about.

    Raises:
        StartupError: this process may have too few open files.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < FEWEST_DESCRIPTORS:
        raise StartupError(
            f"This process may have {limit} open files (ulimit -n): a server needs"
            f" {FEWEST_DESCRIPTORS} at least, and one more for each connection."
        )


def prepare_process() -> None:
    """For the start of every server, before numpy is imported."""
    collector.relax()
    let_blas_threads_sleep()
    keep_freed_memory(os.environ)
    ending.limit_end(ending.SERVER)


def load_cheaply(load: Callable[[], T]) -> T:
    """For a command that ends soon: most of what a small file costs are imports, in which there
    is next to no garbage.
    """
    let_blas_threads_sleep()
    collector.relax()
    try:
        return load()
    finally:
        collector.go_on()


def let_blas_threads_sleep() -> None:
    """Have OpenBLAS's threads sleep as soon as they have nothing to do.

    By default they keep a processor busy for some 20 ms after a call, which is longer than most
    predictions take: on a server, that processor is another request's. What the environment
    says already is left as it is.
    """
    os.environ.setdefault(*_BLAS_TIMEOUT)


def keep_freed_memory(environ: Mapping[str, str]) -> bool:
    """Have the next large request use the memory of the last one.

    By default glibc may give a large body's memory back with each request, as the order of
    earlier allocations has it, and take it anew with the next: a page fault for every 4 KB, a
    quarter of the time that 100,000 rows take.

    Returns:
        Whether glibc was told: not where the environment tells it something, nor elsewhere.
    """
    if any(name in environ for name in _ALLOCATOR_VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        # No glibc: musl, macOS, Windows.
        return False
    told = [
        mallopt(_M_MMAP_THRESHOLD, _LARGEST),
        mallopt(_M_TRIM_THRESHOLD, _KEPT),
        # What one thread has given back is there for all: the model's thread begins with what
        # loading left. They seldom allocate at the same time, for they share the interpreter.
        mallopt(_M_ARENA_MAX, 1),
    ]
    return all(told)
