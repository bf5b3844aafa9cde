"""Reads a chunked body. Werkzeug's own reader never ends when the client leaves in a chunk."""

from __future__ import annotations

import io
import re
from typing import IO, TYPE_CHECKING, Final

from datarobot_drum.drum.flask.head import HeadError, header_lines

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LONGEST_LINE: Final = 8190
_MOST_TRAILERS: Final = 100
_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,15})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_LINE_END: Final = b"\r\n"


class ChunkedInput(io.RawIOBase):
    """The bytes of the chunks that ``source`` holds.

    Reading raises ``ValueError`` where they are no chunks, ``EOFError`` where they end early.
    """

    def __init__(self, source: io.BufferedIOBase | IO[bytes]) -> None:
        self._source = source
        self._left = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._left and not self._ended:
            self._start_chunk()
        if self._ended or not view:
            return 0
        piece = self._source.read(min(len(view), self._left))
        if not piece:
            raise EOFError("the body ends within a chunk")
        view[: len(piece)] = piece
        self._left -= len(piece)
        if not self._left and self._line() != _LINE_END:
            raise ValueError("a chunk is longer than its size")
        return len(piece)

    def _start_chunk(self) -> None:
        size = _SIZE.fullmatch(self._line())
        if size is None:
            raise ValueError("a chunk has no size")
        self._left = int(size.group(1), 16)
        if not self._left:
            self._skip_trailers()
            self._ended = True

    def _skip_trailers(self) -> None:
        try:
            for _ in header_lines(self._source, _MOST_TRAILERS):
                pass
        except HeadError as error:
            raise ValueError("a trailer is broken") from error

    def _line(self) -> bytes:
        line = self._source.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise EOFError("the body ends between chunks")
        return line
