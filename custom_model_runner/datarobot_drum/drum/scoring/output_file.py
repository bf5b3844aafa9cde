"""Where ``drum score`` leaves its predictions: a file that is whole or as it was, or stdout."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from datarobot_drum.drum.exceptions import DrumCommonException, UsageError

Write: TypeAlias = Callable[[BinaryIO], object]

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


def write_output(write: Write, output: str | None) -> None:
    """Have the whole result written, to stdout when there is no ``output``.

    Args:
        write: writes the result; may be called again, and raise ``DrumCommonException``.

    Raises:
        DrumCommonException: the result could not be written; a file is as it was before.
    """
    if output in _STDOUT_NAMES:
        result = _whole(write)
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()
        return
    assert output is not None
    try:
        _write_file(Path(os.path.realpath(output)), write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrumCommonException(
            f"The predictions cannot be written to {output}: {reason}"
        ) from error


def _whole(write: Write) -> bytes:
    """For where a part of a result could not be taken back."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _write_file(path: Path, write: Write) -> None:
    if path.exists() and not (path.is_file() and os.access(path.parent, os.W_OK)):
        # A device or a pipe cannot be replaced by a file, nor anything in such a directory.
        path.write_bytes(_whole(write))
        return
    try:
        _replace(path, write)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # A file that is mounted into a container by itself stays where it is.
        path.write_bytes(_whole(write))


def _replace(path: Path, write: Write) -> None:
    """Write beside the target and rename, so that the target is whole or absent."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
        os.chmod(temporary, _mode_for(path))
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _mode_for(path: Path) -> int:
    """The mode of the file it replaces, or what the umask gives a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
