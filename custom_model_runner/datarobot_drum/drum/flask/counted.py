"""Counts large bodies while they are read, by whoever reads them: a route, or an extension."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import IO, Final

from datarobot_drum.drum.exceptions import MalformedRequestError
from datarobot_drum.drum.serving.body import next_step
from datarobot_drum.drum.serving.budget import Share

BROKEN: Final = "The request's body is broken or ends too early."


class CountedInput:
    """A request's body as the application reads it. What is not there yet is asked for in steps
    for which there is room.

    Reading raises ``OverloadedError`` where there is none, ``MalformedRequestError`` where the
    body is shorter than it was announced.

    Args:
        announced: whether the body may be read at all; called before its first byte is.
        length: of the body; None: its end shows.
    """

    def __init__(
        self, source: IO[bytes], share: Share, announced: Callable[[], None], length: int | None
    ) -> None:
        self._source = source
        self._share = share
        self._announced = announced
        self._left = sys.maxsize if length is None else length
        self._is_length_known = length is not None
        self._size = 0
        self.ended = length == 0

    def read(self, size: int | None = -1) -> bytes:
        wanted = sys.maxsize if size is None or size < 0 else size
        pieces = []
        while wanted > 0 and (piece := self._take(wanted, self._source.read)):
            pieces.append(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        wanted = sys.maxsize if size is None or size < 0 else size
        pieces = []
        while wanted > 0 and (piece := self._take(wanted, self._source.readline)):
            pieces.append(piece)
            wanted -= len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def readlines(self, _hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _take(self, wanted: int, read: Callable[[int], bytes]) -> bytes:
        if self.ended:
            return b""
        if not self._size:
            self._announced()
        step = min(wanted, next_step(self._size), self._left)
        self._share.resize(self._size + step)
        piece = read(step)
        self._size += len(piece)
        self._left -= len(piece)
        if not piece or not self._left:
            self.ended = True
            self._share.resize(self._size)
        if not piece and self._is_length_known:
            raise MalformedRequestError(BROKEN)
        return piece
