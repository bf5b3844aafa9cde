"""Which of the package's functions a server runs for one request, and who calls whom.

Run as a program, this file is ``python -m datarobot_drum`` with a profiler in every thread and
in every fork: it writes a line for each function of the package that is called, and for each
that returns, while a byte which it shares with the test says so.
"""

from __future__ import annotations

import json
import mmap
import os
import runpy
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

_SWITCH: Final = "PATH_TRACE_SWITCH"
_EVENTS: Final = "PATH_TRACE_EVENTS"
_PACKAGE: Final = "/custom_model_runner/datarobot_drum/"
# Seconds: by then a server is done with all that a request makes it do.
_SETTLED: Final = 0.5


# -- in the server


def _file_of(frame: FrameType) -> str | None:
    """The file of the package that a frame runs, below the package's folder."""
    path = frame.f_code.co_filename
    if path == "<string>":
        # What `dataclass` writes belongs to the module of its class.
        path = frame.f_globals.get("__file__") or ""
    name = path.partition(_PACKAGE)[2]
    # A module's own code, should one be imported late, is no part of a request.
    return name if name and frame.f_code.co_name != "<module>" else None


def _install(switch: mmap.mmap, events: int) -> None:
    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if not switch[0] or event not in ("call", "return"):
            return
        file = _file_of(frame)
        if file is not None:
            name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
            line = json.dumps([event, os.getpid(), threading.get_ident(), file, name])
            os.write(events, line.encode() + b"\n")

    threading.setprofile(profile)
    sys.setprofile(profile)


def _main() -> None:
    # As with `-m`: the folder of this file is no place for the server to import from.
    sys.path[0] = os.getcwd()
    with open(os.environ[_SWITCH], "r+b") as file:
        switch = mmap.mmap(file.fileno(), 1)
    _install(switch, os.open(os.environ[_EVENTS], os.O_WRONLY | os.O_APPEND))
    runpy.run_module("datarobot_drum", run_name="__main__", alter_sys=True)


# -- in the test


class Station(NamedTuple):
    """A file that a request comes to, in a thread: what calls within it is not looked at."""

    file: str
    thread: int


@dataclass(eq=False)
class Call:
    """One call of a function; ``caller`` is the nearest one of the package below it.

    A call that nothing of the package has made, but while another thread waits, is made for
    that thread: its ``caller`` is what waits there. A coroutine that waits is not seen.
    """

    file: str
    function: str
    process: int
    thread: int
    caller: Call | None = None
    candidates: list[Call] = field(default_factory=list)

    @property
    def stack(self) -> list[Call]:
        """The call after all that led to it, outermost first."""
        below = self.caller.stack if self.caller is not None else []
        return [*below, self]

    @property
    def stations(self) -> tuple[Station, ...]:
        """The files of the stack in their order; neighbours differ."""
        return tuple(
            station
            for station, _ in groupby(Station(call.file, call.thread) for call in self.stack)
        )


class Trace:
    """What a server has done for one request.

    Args:
        lines: of the profiler.
        clockwork: what the server calls by itself, with or without a request.
    """

    def __init__(self, lines: Iterable[bytes], clockwork: frozenset[tuple[str, str]]) -> None:
        self.outermost: set[tuple[str, str]] = set()
        self.calls: list[Call] = []
        self._clockwork = clockwork
        self._open: dict[tuple[int, int], list[Call]] = {}
        for line in lines:
            self._take(*json.loads(line))
        for call in self.calls:
            if call.candidates:
                call.caller = max(call.candidates, key=lambda each: len(each.stations))

    def _take(self, event: str, process: int, thread: int, file: str, function: str) -> None:
        stack = self._open.setdefault((process, thread), [])
        if event == "return":
            # Without a call where the function was running before all this.
            del stack[-1:]
            return
        call = Call(file, function, process, thread, stack[-1] if stack else None)
        stack.append(call)
        self.outermost.add((stack[0].file, stack[0].function))
        if not self._is_clockwork(stack):
            self.calls.append(call)
            stack[0].candidates += self._waiting(process, thread)

    def _is_clockwork(self, stack: list[Call]) -> bool:
        return (stack[0].file, stack[0].function) in self._clockwork

    def _waiting(self, process: int, thread: int) -> Iterator[Call]:
        for (other_process, other), stack in self._open.items():
            elsewhere = other_process == process and other != thread
            # Two threads would wait for each other.
            if elsewhere and stack and not self._is_clockwork(stack) and not stack[0].candidates:
                yield stack[-1]

    def files(self) -> dict[str, dict[str, set[str]]]:
        """The files that were called, in order; for each its functions and who called them."""
        files: dict[str, dict[str, set[str]]] = {}
        for call in self.calls:
            callers = files.setdefault(call.file, {}).setdefault(call.function, set())
            callers.add(call.caller.file if call.caller is not None else "a library")
        return files


def deepest(calls: Iterable[Call], folder: str) -> Call:
    """The call into a folder with the most files on its stack; the first of several."""
    inside = (call for call in calls if call.file.startswith(folder))
    return max(inside, key=lambda call: len(call.stations))


class Recorder:
    """Tells a server when to write, and reads what it has written.

    Attributes:
        program: what to start in the place of ``-m datarobot_drum``.
        env: variables that the program needs.
    """

    def __init__(self, folder: Path) -> None:
        self._events, switch = folder / "events", folder / "switch"
        self._events.write_bytes(b"")
        switch.write_bytes(b"\0")
        with switch.open("r+b") as file:
            self._switch = mmap.mmap(file.fileno(), 1)
        self.program = (__file__,)
        self.env = {_EVENTS: str(self._events), _SWITCH: str(switch)}
        self._read = 0

    def start(self) -> None:
        """Record from now on; what earlier requests have caused is over."""
        time.sleep(_SETTLED)
        self._switch[0] = 1

    def stop(self, clockwork: frozenset[tuple[str, str]] = frozenset()) -> Trace:
        """What was called since ``start``."""
        time.sleep(_SETTLED)
        self._switch[0] = 0
        time.sleep(_SETTLED)
        lines = self._events.read_bytes()[self._read :].splitlines(keepends=True)
        self._read += sum(len(line) for line in lines)
        return Trace(lines, clockwork)


if __name__ == "__main__":
    _main()
