"""What uvicorn is told of requests that offer another protocol, however they are cut."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from datarobot_drum.drum.fastapi.protocol import protocol_class

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
BODY = b"a\n1\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def request(path: bytes, *, offers: bool, chunked: bool) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nX-A: \xff\r\nX-A: 2\r\n" % path
    head += OFFER if offers else b""
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    return head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


async def told(pieces: list[bytes]) -> list[tuple[str, list[tuple[bytes, bytes]], bytes]]:
    """Path, headers and body of each request that the application gets."""
    seen: list[tuple[str, list[tuple[bytes, bytes]], bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        seen.append((scope["path"], scope["headers"], body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    cls = protocol_class(None, Mock())
    config = uvicorn.Config(app, http=cls, ws="none", lifespan="off", log_config=None)
    config.load()
    protocol = cls(config=config, server_state=ServerState(), app_state={})
    transport = Mock(spec=asyncio.Transport)
    transport.is_closing.return_value = False
    transport.get_extra_info.return_value = None
    protocol.connection_made(transport)
    for piece in pieces:
        protocol.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return seen


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[a:b] for a, b in pairwise(ends) if a < b]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=3),
    st.lists(st.integers(0, 2000), max_size=6),
)
def test_an_offer_changes_nothing_but_its_header(
    kinds: list[tuple[bool, bool]], places: list[int]
) -> None:
    pytest.importorskip("httptools")
    requests = [
        request(b"/%d" % i, offers=offers, chunked=chunked)
        for i, (offers, chunked) in enumerate(kinds)
    ]
    seen = asyncio.run(told(cut(b"".join(requests), places)))
    assert [(path, body) for path, _headers, body in seen] == [
        (f"/{i}", BODY) for i in range(len(kinds))
    ]
    for (_path, headers, _body), (offers, _chunked) in zip(seen, kinds, strict=True):
        names = [name for name, _value in headers]
        assert b"upgrade" not in names
        assert (b"http2-settings" in names) is offers
        assert [value for name, value in headers if name == b"x-a"] == [b"\xff", b"2"]
