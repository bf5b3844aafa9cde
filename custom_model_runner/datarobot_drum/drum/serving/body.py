"""Collects a request's body: limited while it comes in, in memory once, large forms on disk.

A large body exists once: it grows in place, and its buffer becomes the bytes that are handed
on, never joined from pieces. A large multipart form, which is parsed by slicing, is spooled
to a temporary file that goes away with the last view of it.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Final

from datarobot_drum.drum.exceptions import BodyTooLargeError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.serving.budget import FREE, Share

TOO_SLOW: Final = "The request did not arrive in time."
# Bytes: a body that brings less than this in one period drips.
MIN_PROGRESS: Final = 1024
TOO_LARGE: Final = "The request body is larger than the {} bytes allowed."
# Bytes and seconds: what is still read of a body whose answer was sent before its end.
MAX_DRAINED: Final = 4 * 1024 * 1024
LINGER: Final = 5.0
_DRAINED_AT_ONCE: Final = 64 * 1024
# What a client waits for that has announced its body with `Expect: 100-continue`.
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# Bytes of one reading step, for a server that waits until all of them have come.
LARGEST_STEP: Final = 1024 * 1024
# Smaller bodies are joined from their pieces, which is faster.
JOINED_UP_TO: Final = 1024 * 1024
SPOOLED_FROM: Final = 8 * 1024 * 1024
_FORM: Final = "multipart/form-data"


def check_announced(limit: int | None, content_length: str) -> None:
    """Raise ``BodyTooLargeError`` where the header tells already that a body is too large."""
    known = limit is not None and content_length.isdecimal() and len(content_length) < 20
    if known and int(content_length) > (limit or 0):
        raise BodyTooLargeError(TOO_LARGE.format(limit))


def next_step(size: int) -> int:
    """How many bytes to read next of a body that has brought ``size``: what is made ready for
    it grows with what has come.
    """
    return min(max(FREE, size // 2), LARGEST_STEP)


class Leftover:
    """What a client still sends when it has been answered: a little of it is thrown away, so that
    it is not reset before it has read the answer.

    Args:
        receive: reads at most so many bytes that have come; ``connection.recv``, where nothing
            else has read ahead of it.
    """

    def __init__(self, connection: socket.socket, receive: Callable[[int], bytes]) -> None:
        self._connection = connection
        self._receive = receive
        self._end: float | None = None
        self._left = MAX_DRAINED

    def read(self, _size: int = -1) -> bytes:
        """Some bytes; none where it has been enough, or nothing more comes in time."""
        now = time.monotonic()
        if self._end is None:
            self._end = now + LINGER
        if self._left <= 0 or now >= self._end:
            return b""
        try:
            self._connection.settimeout(self._end - now)
            piece = self._receive(_DRAINED_AT_ONCE)
        except OSError:
            return b""
        self._left -= len(piece)
        return piece

    def drain(self) -> None:
        """Tell the client that nothing else will come, and read until it has closed, too."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
        while self.read():
            pass


class AskedFor:
    """A body that its client sends when it is asked to (``Expect: 100-continue``): with the first
    byte that somebody wants, so that who is refused need not send it.

    Args:
        ask: tells the client; called once.
    """

    def __init__(self, source: IO[bytes], ask: Callable[[], None]) -> None:
        self._source = source
        self._ask: Callable[[], None] | None = ask

    def _asked(self) -> IO[bytes]:
        if self._ask is not None:
            ask, self._ask = self._ask, None
            ask()
        return self._source

    def read(self, size: int = -1) -> bytes:
        return self._asked().read(size)

    def readline(self, size: int = -1) -> bytes:
        return self._asked().readline(size)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


class BodyCollector:
    """Takes the pieces of one body. Where the ``with`` block fails, it lets go of them at once,
    whoever may still hold this object.

    Args:
        limit: most bytes allowed; None: no limit.
        content_length: the header as sent, ``""`` when absent.
        share: of the budget, where nobody has counted the pieces before.

    Raises:
        BodyTooLargeError: the announced length is over the limit.
    """

    def __init__(
        self,
        limit: int | None,
        content_type: str,
        content_length: str = "",
        share: Share | None = None,
    ) -> None:
        self._limit = limit
        self._share = share
        self._is_form = content_type.strip().lower().startswith(_FORM)
        self._pieces: list[bytes] = []
        self._whole: io.BytesIO | None = None
        self._file: IO[bytes] | None = None
        self.size = 0
        check_announced(limit, content_length)

    def _check(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            raise BodyTooLargeError(TOO_LARGE.format(self._limit))

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            BodyTooLargeError: the body has become larger than allowed.
            OverloadedError: there is no room for it.
        """
        self.size += len(piece)
        self._check(self.size)
        if self._share is not None:
            self._share.resize(self.size)
        if self._file is not None:
            self._file.write(piece)
        elif self._whole is not None:
            self._whole.write(piece)
            if self._is_form and self.size > SPOOLED_FROM:
                self._spool()
        else:
            self._pieces.append(piece)
            if self.size > JOINED_UP_TO:
                self._whole = io.BytesIO()
                self._whole.writelines(self._pieces)
                self._pieces.clear()

    def _spool(self) -> None:
        assert self._whole is not None
        self._file = tempfile.TemporaryFile(prefix="drum-upload-")  # noqa: SIM115
        self._file.write(self._whole.getbuffer())
        self._whole = None

    def __enter__(self) -> BodyCollector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            return
        self._pieces.clear()
        self._whole = None
        if self._file is not None:
            # What could not be written is tried again.
            with contextlib.suppress(OSError):
                self._file.close()
        if self._share is not None:
            self._share.give_back()

    def finish(self) -> Body:
        """The whole body."""
        if self._file is not None:
            self._file.flush()
            # The mapping keeps the file, which has no name, as long as a view of it lives.
            with self._file as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        if self._whole is not None:
            # Hands its buffer over, without a copy.
            return self._whole.getvalue()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
