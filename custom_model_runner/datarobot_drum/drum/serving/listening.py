"""The listening socket, from before the model is loaded until the last request is answered.

It is bound first, so that a port in use is found out at once, and listens only when the model
is loaded: until then a connection is refused, not kept waiting. At the end newcomers are turned
away while the connections that the kernel accepted already can still be taken from it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys
from typing import Final

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.serving import children

# Seconds in which the last handshakes end and what waits in the backlog is accepted.
BACKLOG_LINGER: Final = 0.2
# Seconds for which a connection without a request is kept while the server ends: one may be on
# its way.
IDLE_LINGER: Final = 1.0

# Seconds until the next try where the system takes no more connections; what is told then.
ACCEPT_PAUSE: Final = 0.1
NOT_ACCEPTED: Final = "A connection could not be accepted, and waits: %s"

# Classic BPF: drop segments with the SYN bit (0x02 in byte 13 of the header), pass others.
_DROP_SYN: Final = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
_SO_ATTACH_FILTER: Final = 26


PORT_LOST: Final = "The model's code has closed the port's socket: this process ends."


class Port:
    """Tells whether a socket is still open. User code that closes what is not its own leaves a
    process that nobody can ask, and that does not notice: selectors forget what is closed.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._descriptor = listener.fileno()
        self._inode = os.fstat(self._descriptor).st_ino

    def is_lost(self) -> bool:
        try:
            return os.fstat(self._descriptor).st_ino != self._inode
        except OSError:
            return True


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds the address but refuses connections until ``listen`` is called.

    Raises:
        StartupError: the address is in use or not this machine's.
    """
    try:
        # Text would be encoded by codecs that a supervisor would keep in memory for nothing.
        name = host.encode() if host.isascii() else host
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartupError(f"Cannot listen on {shown(host, port)}: {error.strerror}.") from error
    # Of a name with several addresses the IPv4 one: clients try it in any case.
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. Servers that send head and body apart would otherwise wait
        # for the client's delayed acknowledgement, 40 ms, on every kept connection.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        children.begin_without(listener)
    except OSError as error:
        listener.close()
        raise cannot_listen(error, host, port) from error
    listener.setblocking(False)
    return listener


def cannot_listen(error: OSError, host: str, port: int) -> StartupError:
    """The error of ``bind`` or ``listen`` as the user should read it."""
    if error.errno == errno.EADDRINUSE:
        return StartupError(
            f"Cannot listen on {shown(host, port)}: the port is in use by another program."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StartupError(f"Cannot listen on {shown(host, port)}: {reason}.")


def shown(host: str, port: int) -> str:
    """An address as it is typed; IPv6 hosts in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def turn_newcomers_away(listener: socket.socket) -> None:
    """From now on connection attempts find no answer, and are refused once it is closed.

    Closing a listening socket resets connections that wait to be accepted. Behind this filter
    their number can only shrink, so they can all be accepted first. It applies to the socket
    in every process that shares it. Systems without such filters keep the short gap between
    the last accept and the close.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *op) for op in _DROP_SYN))
    header = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def stop_listening(listener: socket.socket) -> None:
    """Refuse connections, as before the socket listened, and reset those that wait to be
    accepted, until ``listen`` is called again: in every process that shares the socket.
    """
    # Only Linux does so: elsewhere they wait for whoever accepts next.
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RD)
