"""The directory in which worker processes share their figures: made, removed, and swept.

Each server has one of its own, in the folder for temporary files or in the one that the environment
names: what others keep there is neither read nor touched. A server that is killed leaves its own
behind. As long as any process of a server lives it holds the lock of the file ``owner`` in there,
whatever ids processes have; where nobody holds that lock, the next start of the same user removes
the directory.
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
from datarobot_drum.drum.prediction.figures.peers import allocate, is_free

logger = get_drum_logger("figures")

# The name is prometheus-client's, so that metrics which user code defines are shared alike.
DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
NO_DIRECTORY: Final = (
    "No directory for the figures of all workers could be made (%s): /metrics and /stats/ tell of"
    " one worker each. TMPDIR or %s chooses another place."
)
NOT_USED: Final = "%s: %s is not used: %s."

_PREFIX: Final = "drum-metrics-"
_OWNER: Final = "owner"
# Bytes: about what each worker will need there.
_NEEDED: Final = 64 * 1024


@contextlib.contextmanager
def shared_directory(has_workers: bool = True) -> Iterator[str | None]:
    """A directory in which worker processes share their figures; made before they fork, named in
    the environment meanwhile, and removed at the end by the process that made it.

    It is made in the directory that the environment names, if that is this user's and no other
    may change what is in there, else in the folder for temporary files. None: there is no room
    for one, which is told.

    Args:
        has_workers: else nobody needs one that did not ask for it.
    """
    given = os.environ.pop(DIRECTORY_VARIABLE, None)
    made = _make_in_given(given) if given else None
    if made is None and has_workers:
        made = _make_temporary()
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
            if given:
                # A server that starts again asks once more.
                os.environ[DIRECTORY_VARIABLE] = given
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _make_in_given(given: str) -> tuple[str, int] | None:
    try:
        Path(given).mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(Path(given))
        return _make(Path(given))
    except OSError as error:
        logger.warning(NOT_USED, DIRECTORY_VARIABLE, given, _reason(error))
        return None


def _check_private(folder: Path) -> None:
    """Raises:
    OSError: others may put there what they like, or lead us elsewhere.
    """
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode):
        raise OSError("it is a link, or no directory")
    if about.st_uid != os.geteuid():
        raise OSError("it belongs to another user")
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(f"others may write to it (mode {stat.S_IMODE(about.st_mode):o})")


def _make_temporary() -> tuple[str, int] | None:
    try:
        return _make(Path(tempfile.gettempdir()))
    except OSError as error:
        logger.warning(NO_DIRECTORY, _reason(error), DIRECTORY_VARIABLE)
        return None


def _make(folder: Path) -> tuple[str, int]:
    """A fresh directory, and the descriptor that holds its lock: forked workers inherit it.

    Raises:
        OSError: there is no room for it.
    """
    _sweep(folder)
    directory = tempfile.mkdtemp(prefix=_PREFIX, dir=folder)
    try:
        return directory, _claimed(Path(directory), _OWNER)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise


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
