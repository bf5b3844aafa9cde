"""Running what others wrote: a folder's code, an artifact's, a client library's.

What it prints is no reason to fail a request, on a full disk or where the reader has gone.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from datarobot_drum.drum.exceptions import is_interrupt
from datarobot_drum.drum.utils.printed import beneath

_DESCRIPTORS: Final = {"stdout": 1, "stderr": 2}


@contextmanager
def failing_as(error_for: Callable[[BaseException], Exception | None]) -> Iterator[None]:
    """Run a block without letting it end the server, or the thread that it is on.

    A process that the block has forked ends where it leaves the block, as a program would: a
    copy of the server that goes on has no threads that it could work with, and whoever waits for
    its end would wait for ever.

    Args:
        error_for: what the block has raised -> what is raised in its place, with that as its
            cause; None: it stays as it is. Not asked about Ctrl+C.
    """
    process = os.getpid()
    try:
        yield
    # Code of others raises what it likes: sys.exit is one of its ways, a panic of Rust another.
    except BaseException as exc:
        if os.getpid() != process:
            _end_fork(exc)
        error = None if is_interrupt(exc) else error_for(exc)
        if error is None:
            raise
        raise error from exc
    if os.getpid() != process:
        _end_fork(None)


def _end_fork(error: BaseException | None) -> NoReturn:
    """As Python ends a program of which this is the last line."""
    status = 0 if error is None else 1
    if isinstance(error, SystemExit):
        if isinstance(error.code, int | None):
            status = error.code or 0
        else:
            _print(f"{error.code}\n")
    elif error is not None:
        _print("".join(traceback.format_exception(error)))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status & 0xFF)


def _print(text: str) -> None:
    # User code may have closed it, or put nothing in its place.
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(text)


def lose_what_cannot_be_written(tell: Callable[[str], None]) -> None:
    """From now on printing to ``sys.stdout`` and ``sys.stderr`` fails no more.

    Args:
        tell: called with the reason, each time that something is lost of stdout.
    """
    for name, descriptor in _DESCRIPTORS.items():
        stream = beneath(getattr(sys, name))
        # Whoever has put another stream there, a test or a notebook, has a use for it.
        if isinstance(stream, io.TextIOWrapper) and _descriptor(stream) == descriptor:
            stream.flush()
            setattr(sys, name, _lossy(stream, descriptor, tell if name == "stdout" else None))


def _descriptor(stream: io.TextIOWrapper) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return stream.fileno()
    return None


def _lossy(
    stream: io.TextIOWrapper, descriptor: int, tell: Callable[[str], None] | None
) -> io.TextIOWrapper:
    raw = _LossyFile(descriptor, tell)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _LossyFile(io.FileIO):
    """A descriptor that stays open; whatever is not taken is lost."""

    def __init__(self, descriptor: int, tell: Callable[[str], None] | None) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._tell = tell

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            if self._tell is not None:
                self._tell(os.strerror(error.errno or 0))
            return memoryview(data).nbytes  # type: ignore[arg-type]
