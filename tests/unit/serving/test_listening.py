"""The listening socket: refused at first, nothing reset at the end."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.serving.listening import bind, shown, stop_listening, turn_newcomers_away


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0) as bound:
        yield bound


def connect(listener: socket.socket, timeout: float = 5) -> socket.socket:
    return socket.create_connection(listener.getsockname()[:2], timeout)


def test_connections_are_refused_until_it_listens(listener: socket.socket) -> None:
    with pytest.raises(ConnectionRefusedError):
        connect(listener)
    listener.listen()
    connect(listener).close()


def test_a_port_in_use_is_found_out_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartupError, match=f"127.0.0.1:{port}: the port is in use"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_here_is_named(host: str) -> None:
    with pytest.raises(StartupError, match=f"Cannot listen on {host}:1234: "):
        bind(host, 1234)


def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        bound = bind("::1", 0)
    except StartupError:
        pytest.skip("no IPv6 here")
    with bound:
        assert bound.family == socket.AF_INET6


def test_addresses_are_shown_as_they_are_typed() -> None:
    assert shown("::1", 80) == "[::1]:80"
    assert shown("localhost", 80) == "localhost:80"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs socket filters")
def test_newcomers_are_turned_away_and_who_waits_is_served(listener: socket.socket) -> None:
    listener.listen()
    with connect(listener) as early:
        turn_newcomers_away(listener)
        with pytest.raises(TimeoutError):
            connect(listener, timeout=0.2)
        early.sendall(b"ping")
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            assert accepted.recv(10) == b"ping"
            accepted.sendall(b"pong")
            assert early.recv(10) == b"pong"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux stops listening")
def test_a_socket_that_stops_listening_keeps_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with bind("127.0.0.1", port) as listener:
        listener.listen()
        with connect(listener) as waiting:
            stop_listening(listener)
            with pytest.raises(ConnectionResetError):
                waiting.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(listener)
        listener.listen()
        socket.create_connection(("127.0.0.1", port), 5).close()
