"""Processes that user code forks: they have the signal handlers that this one began with, and
none of the server's connections.

A child that inherits a server's handler of SIGTERM only takes note of it: ``Process.terminate``
and the end of a ``multiprocessing.Pool`` would wait for it for ever. Programs that are started
(``subprocess``, the methods ``spawn`` and ``forkserver``) lose both by themselves. A connection
that is open in a child as well ends for its client only when the child does, and so does the port.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

# What ends a process by default, and means nothing to a server: timers, other events, and those
# that are free for any use. Not among them are the marks of a fault and of a limit that is reached.
_STRAY_NAMES: Final = ("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT")


def _stray() -> tuple[int, ...]:
    named = [getattr(signal, name) for name in _STRAY_NAMES if hasattr(signal, name)]
    # Python has no names for most real-time signals, and before 3.11 none for SIGSTKFLT.
    valid: frozenset[int] = frozenset(signal.valid_signals())
    nameless = {number for number in valid if not isinstance(number, signal.Signals)}
    ends = {getattr(signal, name) for name in ("SIGRTMIN", "SIGRTMAX") if hasattr(signal, name)}
    return (*named, *sorted(nameless | ends))


STRAY: Final = _stray()
# All that one of the servers handles.
_NUMBERS: Final = (
    *STRAY,
    signal.SIGABRT,
    signal.SIGCHLD,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
_PACKAGES: Final = frozenset({"datarobot_drum", "gunicorn"})


class _Forking(threading.local):
    """What a thread that forks has to undo."""

    of_the_server = False
    mask: set[int] | None = None


_forking: Final = _Forking()
# By number, as this process found them.
_found: Final[dict[int, Any]] = {}
# Of the sockets that this process listens on.
_ports: Final[set[int]] = set()


def begin_without_handlers() -> None:
    """From now on children of user code begin without this server's signal handlers.

    To be called before it has any.
    """
    if _found:
        return
    _found.update((number, signal.getsignal(number)) for number in _NUMBERS)
    os.register_at_fork(before=_hold_back, after_in_parent=_let_in, after_in_child=_begin)


def begin_without(listener: socket.socket) -> None:
    """Children of user code have neither this socket nor the connections that it accepts."""
    _ports.add(listener.getsockname()[1])


@contextmanager
def of_the_server() -> Iterator[None]:
    """A block in which this thread forks a worker, not a child of user code."""
    _forking.of_the_server = True
    try:
        yield
    finally:
        _forking.of_the_server = False


def is_the_servers(handler: Any) -> bool:
    """Whether a signal's handler is ours or gunicorn's, and not the user's."""
    return str(getattr(handler, "__module__", "")).partition(".")[0] in _PACKAGES


def _hold_back() -> None:
    """A signal that comes between the fork and ``_begin`` would be lost in the child."""
    if not _forking.of_the_server:
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def _let_in() -> None:
    if _forking.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)
        _forking.mask = None


def _begin() -> None:
    if _forking.of_the_server:
        # What the worker forks later is the user's.
        _forking.of_the_server = False
        _forget_siblings()
        return
    # A thread that forks is its child's main thread, which may set handlers.
    signal.set_wakeup_fd(-1)
    for number, handler in _found.items():
        if handler is not None and is_the_servers(signal.getsignal(number)):
            signal.signal(number, handler)
    _let_in()
    _let_go_of_connections()


def _forget_siblings() -> None:
    """What the model that was loaded before has started is not a worker's to end and to join."""
    started = sys.modules.get("multiprocessing.process")
    if started is not None:
        started._children.clear()


def _let_go_of_connections() -> None:
    """By number, as servers have duplicates of their sockets, and some no object for them."""
    if not _ports:
        return
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in map(int, os.listdir("/dev/fd")):
            if _is_connection(descriptor):
                # Not closed: objects that are still there would close what comes in its place.
                os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)


def _is_connection(descriptor: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        # Of C: gevent has put its own class in the place of `socket.socket`.
        connection = socket.SocketType(fileno=os.dup(descriptor))
        try:
            internet = connection.family in (socket.AF_INET, socket.AF_INET6)
            return internet and connection.getsockname()[1] in _ports
        finally:
            connection.close()
    except OSError:
        return False
