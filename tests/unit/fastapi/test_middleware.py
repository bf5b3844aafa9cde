"""What the fastapi server's outermost layer counts, logs and answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from datarobot_drum.drum.fastapi.middleware import StandardHeaders
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.serving.access_log import AccessLog, Exchange
from datarobot_drum.drum.serving.gate import Gate
from datarobot_drum.drum.settings import ServerSettings


class Kept(AccessLog):
    """Keeps what others write."""

    def __init__(self) -> None:
        self.kept: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        self.kept.append(exchange)


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"1234", "more_body": True})
    await send({"type": "http.response.body", "body": b"567"})


def asked(app: Any, **more: Any) -> tuple[list[Any], Exchange]:
    """What is sent, and what the log is told."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    log = Kept()
    layer = StandardHeaders(app, Gate(ServerSettings()), Metrics(), log)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ping/",
        "raw_path": b"/ping/",
        "query_string": b"a=b",
        "http_version": "1.1",
        "client": ("1.2.3.4", 5),
        "headers": [],
    }
    asyncio.run(layer({**scope, **more}, None, send))  # type: ignore[arg-type]
    (exchange,) = log.kept
    return sent, exchange


def test_all_parts_of_a_streamed_answer_are_counted() -> None:
    _, exchange = asked(streaming)

    assert (exchange.status, exchange.sent) == (200, 7)
    assert (exchange.route, exchange.request_line) == ("/ping/", "GET /ping/?a=b HTTP/1.1")


@pytest.mark.parametrize("client", [None, ("1.2.3.4", 5)])
def test_a_client_without_an_address_is_a_dash(client: Any) -> None:
    assert asked(streaming, client=client)[1].client == ("1.2.3.4" if client else "-")


def test_what_fails_outside_of_the_service_is_answered_in_json_with_its_id() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a layer of somebody's")

    (start, body), exchange = asked(broken, headers=[(b"x-request-id", b"mine")])

    assert (start["status"], exchange.status, exchange.request_id) == (500, 500, "mine")
    assert (b"x-request-id", b"mine") in start["headers"]
    assert body["body"] == b'{"message":"ERROR: a layer of somebody\'s"}\n'


def test_what_fails_within_its_answer_is_the_servers_to_cut_off() -> None:
    async def breaking(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        asked(breaking)
