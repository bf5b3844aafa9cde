"""Whether the client of a WSGI request is still there."""

from __future__ import annotations

import select
from typing import Any, Final

_SOCKETS: Final = ("werkzeug.socket", "gunicorn.socket")
# Linux tells that the other side has closed without anything being read.
_GONE: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


def client_is_gone(environ: dict[str, Any]) -> bool:
    """Look, without waiting; False where the server does not show its socket."""
    connection = next((environ[name] for name in _SOCKETS if name in environ), None)
    if connection is None:
        return False
    descriptor = connection.fileno()
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, _GONE)
    return any(event & _GONE for _, event in poll.poll(0))
