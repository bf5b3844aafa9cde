"""What user code prints: as it is but for secrets, or as records of the log, a line each."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO, TypeAlias

# (line, context it was printed in) -> the record.
MakeRecord: TypeAlias = Callable[[str, str], str]

# Bytes: what is printed without ever ending a line is cut here.
LONGEST: Final = 16 * 1024


class PrintedStream(io.TextIOWrapper):
    """Stands in for ``sys.stdout`` or ``sys.stderr``.

    Args:
        beneath: gets the records; stays open.
        make_record: a line, without its end, and its context -> a record.
        context: what the running thread works on; a line that was begun in another one is
            ended where it is.
        clean: a text -> what may be shown of it.
    """

    def __init__(
        self,
        beneath: TextIO,
        make_record: MakeRecord,
        context: Callable[[], str],
        clean: Callable[[str], str] = str,
    ) -> None:
        self.beneath = beneath
        self.lines = _Lines(beneath, make_record, context, clean)
        # Each write goes through at once: threads must not find the text of others.
        super().__init__(
            self.lines, "utf-8", errors="backslashreplace", newline="", write_through=True
        )

    def finish(self) -> None:
        """Write the lines that were begun and not ended."""
        self.lines.finish()


class CleanStream:
    """A text stream that cleans what is written to it and to its byte buffer, and is in all
    else the one beneath.
    """

    def __init__(self, beneath: Any, clean: Callable[[str], str]) -> None:
        self.beneath = beneath
        self._clean = clean

    def write(self, text: str) -> int:
        self.beneath.write(self._clean(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> CleanBuffer:
        return CleanBuffer(self.beneath.buffer, self._clean)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


class CleanBuffer:
    """The same for bytes."""

    def __init__(self, beneath: Any, clean: Callable[[str], str]) -> None:
        self._beneath = beneath
        self._clean = clean

    def write(self, data: Any) -> int:
        text = bytes(data).decode("utf-8", "surrogateescape")
        self._beneath.write(self._clean(text).encode("utf-8", "surrogateescape"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)


def beneath(stream: Any) -> Any:
    """The stream itself, where it stands for another."""
    while isinstance(stream, PrintedStream | CleanStream):
        stream = stream.beneath
    return stream


class _Lines(io.BufferedIOBase):
    """Bytes in, records out; each thread has a line of its own."""

    name: Final = "<printed>"

    def __init__(
        self,
        beneath: TextIO,
        make_record: MakeRecord,
        context: Callable[[], str],
        clean: Callable[[str], str],
    ) -> None:
        self._beneath = beneath
        self._clean = clean
        self._make_record = make_record
        self._context = context
        self._begun: dict[int, tuple[str, bytes]] = {}
        # A finalizer or a signal's handler may print while its own thread does.
        self._lock = threading.RLock()
        _all.add(self)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._beneath.fileno()

    def isatty(self) -> bool:
        return False

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        thread, context = threading.get_ident(), self._context()
        with self._lock:
            known, begun = self._begun.pop(thread, (context, b""))
            if known != context:
                self._record(begun, known)
                begun = b""
            *whole, rest = (begun + piece).split(b"\n")
            for line in whole:
                self._record(line, context)
            if len(rest) > LONGEST:
                # Half of a secret is not known as one.
                text = rest.decode("utf-8", "surrogateescape")
                rest = self._clean(text).encode("utf-8", "surrogateescape")
            while len(rest) > LONGEST:
                self._record(rest[:LONGEST], context)
                rest = rest[LONGEST:]
            if rest:
                self._begun[thread] = (context, rest)
            if whole:
                self._beneath.flush()
        return len(piece)

    def flush(self) -> None:
        # A line that is not ended waits: half a record is none.
        with contextlib.suppress(ValueError):
            self._beneath.flush()

    def finish(self) -> None:
        with self._lock:
            while self._begun:
                _, (context, rest) = self._begun.popitem()
                self._record(rest, context)
        self.flush()

    def forget(self) -> None:
        """In a new process: what others have begun, they will end themselves."""
        self._begun = {}
        self._lock = threading.RLock()

    def _record(self, line: bytes, context: str) -> None:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        if text:
            self._beneath.write(self._make_record(text, context) + "\n")


_all: Final[weakref.WeakSet[_Lines]] = weakref.WeakSet()


def _forget_all() -> None:
    for lines in _all:
        lines.forget()


os.register_at_fork(after_in_child=_forget_all)
