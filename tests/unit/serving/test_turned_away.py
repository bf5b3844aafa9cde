"""Connections for which there is no thread."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.serving import turned_away
from datarobot_drum.drum.serving.access_log import AccessLog, Exchange, Refusals
from datarobot_drum.drum.serving.turned_away import MOST, TurnedAway
from datarobot_drum.drum.utils.shortage import NO_THREAD

ERROR = RuntimeError(NO_THREAD)


class Unwritten(AccessLog):
    def add(self, exchange: Exchange) -> None:
        pass


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def away() -> Iterator[TurnedAway]:
    found = TurnedAway(Refusals(Unwritten(), Metrics()))
    yield found
    found.close()


def test_a_client_is_told_and_its_connection_closed_later(
    away: TurnedAway, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pair
    theirs.sendall(b"POST / HTTP/1.1\r\n")
    away.add(ours, "127.0.0.1", ERROR)
    answer = theirs.recv(4096)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert theirs.recv(4096) == b""
    # The rest of its request may still come: nobody is reset.
    theirs.sendall(b"Host: x\r\n\r\n")
    away.look()
    assert ours.fileno() >= 0
    monkeypatch.setattr(turned_away, "STAY", -1.0)
    away.close()
    assert ours.fileno() == -1


def test_a_client_that_expects_tls_is_told_nothing(
    away: TurnedAway, pair: tuple[socket.socket, socket.socket]
) -> None:
    away.add(pair[0], "127.0.0.1", ERROR, plain=False)
    assert pair[1].recv(4096) == b""


def test_they_are_bounded_in_number_and_logged_once(
    away: TurnedAway, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [socket.socketpair() for _ in range(MOST + 3)]
    for ours, _ in pairs:
        away.add(ours, "127.0.0.1", ERROR)
    assert [ours.fileno() == -1 for ours, _ in pairs] == [True] * 3 + [False] * MOST
    assert [record.message for record in caplog.records] == [f"Requests are refused: {NO_THREAD}"]
    away.close()
    for _, theirs in pairs:
        theirs.close()
