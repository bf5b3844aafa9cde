"""What a connection hands to the application, and how much it reads ahead, for both parsers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from datarobot_drum.drum.fastapi import bounded
from datarobot_drum.drum.fastapi.bounded import SMALL
from datarobot_drum.drum.fastapi.protocol import protocol_class

App = Callable[[Any, Any, Any], Awaitable[None]]
# Uvicorn's mark for what it keeps of a body that the application does not take.
HIGH_WATER = 64 * 1024
PIECE = 16 * 1024
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(params=["httptools", "h11"], scope="module")
def parser(request: pytest.FixtureRequest) -> str:
    return str(pytest.importorskip(request.param).__name__)


def without(name: str) -> Callable[..., Any]:
    found = importlib.util.find_spec
    return lambda asked, *rest: None if asked == name else found(asked, *rest)


class Wire(asyncio.Transport):
    """Keeps what is written, and whether anything would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reads = True
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return 1000

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def connect(app: App, parser: str, timeout: float | None = None) -> tuple[Any, Wire]:
    """A protocol of this parser's with its transport, on the running loop."""
    with pytest.MonkeyPatch.context() as patch:
        if parser == "h11":
            patch.setattr(importlib.util, "find_spec", without("httptools"))
        cls = protocol_class(timeout, Mock())
    config = uvicorn.Config(app, http=cls, ws="none", lifespan="off", log_config=None)
    config.load()
    protocol, wire = cls(config=config, server_state=ServerState(), app_state={}), Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(what)


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Answering:
    """Reads the body of each request and answers; notes what it got and what ran beside it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.running = self.most = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        self.seen.append((scope["method"], scope["path"], body))
        self.running -= 1
        await answer(send)


KINDS = {
    "get": (b"GET", b"", b""),
    "head": (b"HEAD", b"", b""),
    "post": (b"POST", b"Content-Length: 9\r\n", b"a\n1\r\n\r\n2\n"),
    "empty": (b"POST", b"Content-Length: 0\r\n", b""),
    "large": (b"POST", b"Content-Length: 70000\r\n", b"\r\n\r\nG" * 14000),
    "chunked": (
        b"POST",
        b"Transfer-Encoding: chunked\r\n",
        b"5;a=b\r\nGET /\r\n1\r\n\n\r\n0\r\n\r\n",
    ),
    "expecting": (b"POST", b"Expect: 100-continue\r\nContent-Length: 3\r\n", b"a\n1"),
    "offering": (b"POST", b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", b"b\n2"),
}
BODIES = {"chunked": b"GET /\n"}


def sent(kinds: list[str]) -> bytes:
    requests = []
    for i, kind in enumerate(kinds):
        method, headers, body = KINDS[kind]
        requests.append(b"%s /%d HTTP/1.1\r\nHost: x\r\n%s\r\n%s" % (method, i, headers, body))
    return b"".join(requests)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[a:b] for a, b in pairwise(ends) if a < b]


async def told(parser: str, pieces: list[bytes], waits: list[bool]) -> Answering:
    app = Answering()
    protocol, wire = connect(app, parser)
    for piece, does_wait in zip(pieces, [*waits, *[False] * len(pieces)], strict=False):
        while not wire.reads:
            await asyncio.sleep(0)
        protocol.data_received(piece)
        if does_wait:
            await settle()
    while len(app.seen) < wire.written.count(b"HTTP/1.1 200") or app.running:
        await asyncio.sleep(0)
    await settle()
    while not wire.reads:
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return app


@given(
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6),
    st.lists(st.integers(0, 500_000), max_size=12),
    st.lists(st.booleans(), max_size=13),
)
def test_the_same_requests_in_any_pieces_are_told_alike_and_one_at_a_time(
    parser: str, kinds: list[str], places: list[int], waits: list[bool]
) -> None:
    app = run(told(parser, cut(sent(kinds), places), waits))
    assert app.seen == [
        (KINDS[kind][0].decode(), f"/{i}", BODIES.get(kind, KINDS[kind][2]))
        for i, kind in enumerate(kinds)
    ]
    assert app.most == 1


@pytest.mark.parametrize("kinds", [["chunked", "get", "post"], ["expecting", "offering", "head"]])
def test_wherever_a_few_requests_are_cut_in_two(parser: str, kinds: list[str]) -> None:
    data = sent(kinds)
    for place in range(1, len(data)):
        app = run(told(parser, [data[:place], data[place:]], [place % 2 == 0]))
        assert [path for _method, path, _body in app.seen] == ["/0", "/1", "/2"], place


BROKEN = {
    "a head": b"no request\r\n\r\n",
    "a body": b"POST /9 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a header": b"GET /9 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
}


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_refused_when_all_before_it_is_answered(
    parser: str, kind: str, before: int
) -> None:
    async def statuses() -> list[str]:
        may_answer = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "POST":
                await _until_gone(receive)
                return
            await may_answer.wait()
            await answer(send)

        protocol, wire = connect(app, parser, timeout=0.01)
        protocol.refusals = SimpleNamespace(answer=lambda *_: b"HTTP/1.1 400 Bad\r\n\r\n")
        protocol.data_received((GET % 1) * before + BROKEN[kind])
        if not wire.closing:
            # More of it is not looked at, nor waited for.
            protocol.data_received(b"more\r\n")
        await asyncio.sleep(0.05)
        assert before == 0 or wire.written == b""
        may_answer.set()
        await settle()
        assert wire.closing
        protocol.connection_lost(None)
        await settle()
        return [line[9:12] for line in wire.written.decode().split("\r\n") if "HTTP/1.1 " in line]

    assert run(statuses()) == ["200"] * before + ["400"]


def test_a_long_head_behind_chunks_is_none_of_theirs() -> None:
    pytest.importorskip("httptools")
    headers = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 5000) for i in range(8))
    long = b"GET /1 HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n"
    pieces = [long[i : i + 4000] for i in range(0, len(long), 4000)]
    app = run(told("httptools", [sent(["chunked"]), *pieces], [True]))
    assert [path for _method, path, _body in app.seen] == ["/0", "/1"]


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.parametrize("before", [b"", GET % 1, (GET % 1) * 2])
def test_a_body_that_is_not_taken_is_not_read_on(parser: str, before: bytes) -> None:
    async def reading() -> int:
        never = asyncio.Event()

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            await never.wait()

        protocol, wire = connect(app, parser)
        protocol.data_received(
            before + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
        )
        read = 0
        while wire.reads and read < 2 * HIGH_WATER:
            protocol.data_received(bytes(PIECE))
            await settle()
            read += PIECE
        for task in protocol.tasks:
            task.cancel()
        await settle()
        return read

    assert run(reading()) <= HIGH_WATER + PIECE


def test_a_request_with_others_behind_it_learns_that_the_client_has_gone(parser: str) -> None:
    async def leaving() -> list[str]:
        seen = []

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()
            seen.append((await receive())["type"])

        protocol, _wire = connect(app, parser)
        protocol.data_received((GET % 0) + (GET % 1) + (GET % 2))
        await settle()
        protocol.connection_lost(None)
        await settle()
        return seen

    assert run(leaving()) == ["http.disconnect"]


def test_the_second_of_three_learns_it_too(parser: str) -> None:
    async def leaving() -> list[str]:
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            if scope["path"] == "/0":
                await answer(send)
            else:
                seen.append(scope["path"] + (await receive())["type"])

        protocol, _wire = connect(app, parser)
        protocol.data_received((GET % 0) + (GET % 1) + (GET % 2))
        await settle()
        protocol.connection_lost(None)
        await settle()
        return seen

    assert run(leaving()) == ["/1http.disconnect"]


def test_the_rest_of_a_body_that_was_answered_is_parsed_in_large_steps() -> None:
    pytest.importorskip("httptools")

    async def parsing() -> int:
        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            await answer(send)

        protocol, _wire = connect(app, "httptools")
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        await settle()
        steps, feed = 0, protocol.parser.feed_data

        def counted(data: Any) -> None:
            nonlocal steps
            steps += 1
            feed(data)

        with contextlib.ExitStack() as patched:
            patch = patched.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(protocol, "parser", Mock(feed_data=counted))
            protocol.data_received(b"\r\n\r\n" * PIECE)
        protocol.connection_lost(None)
        return steps

    assert run(parsing()) <= 4 * PIECE // SMALL


def test_a_client_that_takes_what_the_system_keeps_for_it_is_not_given_up(
    parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Looked at when a period begins and when it ends.
    kept = [9000, 7000, 7000, 5000, 5000, 4500]
    monkeypatch.setattr(bounded, "kept_by_system", lambda _connection: kept.pop(0))

    async def sending() -> None:
        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            while (await receive())["type"] == "http.request":
                pass

        protocol, wire = connect(app, parser, timeout=0.001)
        protocol.data_received(GET % 0)
        protocol.pause_writing()
        while not wire.closing:
            await asyncio.sleep(0.001)
        protocol.connection_lost(None)
        await settle()

    run(sending())
    assert kept == []
