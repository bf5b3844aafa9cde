"""The directory in which worker processes share their figures: made, removed, and swept.

A server that is killed leaves its own behind. As long as any process of a server lives it holds
the lock of the file ``owner`` in there, whatever ids processes have; where nobody holds that
lock, the next start of the same user removes the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.figures.peers import RETIRED, SUFFIX, allocate, is_free

logger = get_drum_logger("figures")

# The name is prometheus-client's, so that metrics which user code defines are shared alike.
DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
NO_DIRECTORY: Final = (
    "No directory for the figures of all workers could be made (%s): /metrics and /stats/ tell of"
    " one worker each. TMPDIR chooses another place, %s an existing directory."
)

_PREFIX: Final = "drum-metrics-"
_OWNER: Final = "owner"
# Bytes: about what each worker will need there.
_NEEDED: Final = 64 * 1024


@contextlib.contextmanager
def shared_directory() -> Iterator[str | None]:
    """A directory in which worker processes share their figures; made before they fork.

    One that the environment names already is used and left; else a temporary one is made,
    named in the environment and removed at the end by the process that made it. None: there is
    no room for one, which is told.
    """
    given = os.environ.get(DIRECTORY_VARIABLE)
    if given:
        yield given if _is_usable(Path(given)) else None
        return
    made = _make()
    if made is None:
        yield None
        return
    owner = os.getpid()
    directory, lock = made
    os.environ[DIRECTORY_VARIABLE] = directory
    try:
        yield directory
    finally:
        # Workers leave this block too, when they end.
        if os.getpid() == owner:
            os.environ.pop(DIRECTORY_VARIABLE, None)
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _is_usable(given: Path) -> bool:
    """Clear it of what ended servers have left. Where that fails it is not used by anybody."""
    try:
        given.mkdir(parents=True, exist_ok=True)
        files = list(given.glob(f"*{SUFFIX}"))
        left = [path for path in files if _is_free(path)]
        for path in left:
            path.unlink(missing_ok=True)
        if len(left) == len(files):
            (given / RETIRED).unlink(missing_ok=True)
        os.close(_claimed(given, f"{os.getpid()}.claim"))
        (given / f"{os.getpid()}.claim").unlink()
    except OSError as error:
        logger.warning(NO_DIRECTORY, _reason(error), DIRECTORY_VARIABLE)
        del os.environ[DIRECTORY_VARIABLE]
        return False
    return True


def _make() -> tuple[str, int] | None:
    """A fresh directory, and the descriptor that holds its lock: forked workers inherit it."""
    try:
        _sweep(Path(tempfile.gettempdir()))
        directory = tempfile.mkdtemp(prefix=_PREFIX)
        try:
            return directory, _claimed(Path(directory), _OWNER)
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
    except OSError as error:
        logger.warning(NO_DIRECTORY, _reason(error), DIRECTORY_VARIABLE)
        return None


def _claimed(directory: Path, name: str) -> int:
    """A file that is locked before it gets its name, so that it is never found free.

    Raises:
        OSError: the directory cannot be written to, or has no room for a worker's figures.
    """
    descriptor, temporary = tempfile.mkstemp(dir=directory)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        allocate(descriptor, _NEEDED)
        os.truncate(descriptor, 0)
        Path(temporary).rename(directory / name)
    except OSError:
        os.close(descriptor)
        Path(temporary).unlink(missing_ok=True)
        raise
    return descriptor


def _sweep(folder: Path) -> None:
    """Remove what servers of this user have left that were killed."""
    for path in folder.glob(f"{_PREFIX}*"):
        # Somebody else's, of an older release, or swept by another start meanwhile.
        with contextlib.suppress(OSError):
            about = path.lstat()
            own = stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()
            if own and _is_free(path / _OWNER):
                shutil.rmtree(path, ignore_errors=True)


def _is_free(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return is_free(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
