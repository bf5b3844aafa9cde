"""Clients that read slowly and those that do not, with a system that keeps much for both."""

from __future__ import annotations

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from datarobot_drum.drum.serving import sending
from datarobot_drum.drum.serving.sending import kept_by_system, send_all

MEGABYTE = 1024 * 1024
LIMIT = 1.0


class System:
    """The clock, and what the system keeps for a client that takes ``rate`` bytes a second.

    As Linux does it: a writer that waits is woken when a third of the room is free.
    """

    def __init__(self, rate: float, room: int) -> None:
        self.now = self._latest = 0.0
        self._rate = rate
        self._room = room
        self._kept = 0.0
        self.accepted = 0

    def kept(self, _connection: object = None) -> int:
        taken = min(self._kept, (self.now - self._latest) * self._rate)
        self._kept, self._latest = self._kept - taken, self.now
        return int(self._kept)

    def accept(self, size: int, until: float) -> int:
        """Wait for room, until then at the latest, and take what there is room for."""
        missing = self.kept() - self._room * 2 / 3
        woken = self.now + (missing / self._rate + 0.001 if missing > 0 else 0.0)
        self.now = min(until, woken)
        if woken > until:
            raise TimeoutError
        accepted = min(size, self._room - self.kept())
        self._kept += accepted
        self.accepted += accepted
        return accepted


class Plain:
    def __init__(self, system: System) -> None:
        self.system = system
        self.timeout: float | None = None

    def gettimeout(self) -> float | None:
        return self.timeout

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def send(self, data: memoryview) -> int:
        return self.system.accept(len(data), self.system.now + (self.timeout or 0))


class Encrypted(ssl.SSLSocket):
    """Sends all of it within its timeout, or tells of none that was sent."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.seconds: float | None = None
        self.begun = 0

    def gettimeout(self) -> float | None:
        return self.seconds

    def settimeout(self, seconds: float | None) -> None:
        self.seconds = seconds

    def send(self, data: Any, flags: int = 0) -> int:
        end = self.system.now + (self.seconds or 0)
        while self.begun < len(data):
            self.begun += self.system.accept(len(data) - self.begun, end)
        self.begun = 0
        return len(data)


@pytest.fixture(params=[Plain, Encrypted])
def wrapping(request: pytest.FixtureRequest) -> Any:
    return request.param


def use(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "kept_by_system", system.kept)
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: system.now))


@pytest.mark.parametrize("rate", [3000, 100_000, 3 * MEGABYTE])
def test_a_client_that_reads_slowly_gets_everything(
    wrapping: Any, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System(rate, 3 * MEGABYTE)
    use(system, monkeypatch)
    connection = wrapping(system)
    send_all(connection, bytes(8 * MEGABYTE), LIMIT, "it")
    assert system.accepted == 8 * MEGABYTE
    assert connection.gettimeout() is None


@pytest.mark.parametrize("rate", [0.001, 500])
def test_a_client_that_does_not_is_given_up(
    wrapping: Any, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System(rate, 3 * MEGABYTE)
    use(system, monkeypatch)
    with pytest.raises(BrokenPipeError):
        send_all(wrapping(system), bytes(8 * MEGABYTE), LIMIT, "it")
    assert system.now <= 4 * LIMIT


def test_what_the_system_keeps_is_what_was_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        connection, _address = listener.accept()
        with client, connection:
            connection.setblocking(False)
            sent = 0
            while True:
                try:
                    sent += connection.send(bytes(MEGABYTE))
                except BlockingIOError:
                    break
            kept = kept_by_system(connection)
            assert 0 < kept <= sent
            received = 0
            while received < sent:
                received += len(client.recv(MEGABYTE))
            while kept_by_system(connection):
                pass
        assert kept_by_system(connection) == 0
