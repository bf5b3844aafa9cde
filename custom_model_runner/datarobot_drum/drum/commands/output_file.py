"""Where ``drum score`` leaves its predictions: a file that is whole or as it was, or stdout."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from datarobot_drum.drum.exceptions import DrumCommonException, UsageError

# Replacing the file behind one of these would throw away what `>>` appends to.
_STDOUT_NAMES: Final = frozenset({None, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def check_output(output: str | None) -> None:
    """Find out before the model runs, not after, that there is nowhere to write.

    Raises:
        UsageError: ``--output`` names something that cannot be written.
    """
    if output in _STDOUT_NAMES:
        return
    assert output is not None
    path = Path(os.path.realpath(output))
    if path.is_dir():
        reason = "it is a directory"
    elif not path.parent.is_dir():
        reason = f"there is no directory {path.parent}"
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        reason = "no permission to write there"
    else:
        return
    raise UsageError(f"argument --output: {output} cannot be written: {reason}.")


def write_output(result: bytes, output: str | None) -> None:
    """Write the whole result, to stdout when there is no ``output``.

    Raises:
        DrumCommonException: the result could not be written; a file is as it was before.
    """
    if output in _STDOUT_NAMES:
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()
        return
    assert output is not None
    try:
        _write_file(Path(os.path.realpath(output)), result)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrumCommonException(
            f"The predictions cannot be written to {output}: {reason}"
        ) from error


def _write_file(path: Path, result: bytes) -> None:
    if path.exists() and not (path.is_file() and os.access(path.parent, os.W_OK)):
        # A device or a pipe cannot be replaced by a file, nor anything in such a directory.
        path.write_bytes(result)
        return
    try:
        _replace(path, result)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # A file that is mounted into a container by itself stays where it is.
        path.write_bytes(result)


def _replace(path: Path, result: bytes) -> None:
    """Write beside the target and rename, so that the target is whole or absent."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(result)
        os.chmod(temporary, _mode_for(path))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode_for(path: Path) -> int:
    """The mode of the file it replaces, or what the umask gives a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
