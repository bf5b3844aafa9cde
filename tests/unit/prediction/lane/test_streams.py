"""The hand-over between the thread that makes a stream and the front that sends it."""

from __future__ import annotations

import asyncio
import collections
import threading
from collections.abc import Callable

import pytest

from datarobot_drum.drum.prediction.lane.streams import (
    Channel,
    OpenStreams,
    StreamBody,
    seconds_for_streams,
)

PATIENCE = 30
ITEMS = [f"item {number};".encode() for number in range(200)]


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


def writing(channel: Channel) -> StreamBody:
    """A stream of all items; ``run`` writes them on the calling thread."""

    def write() -> None:
        for item in ITEMS:
            assert channel.put(item)

    return StreamBody(channel, write)


async def drain(body: StreamBody) -> list[bytes]:
    return [chunk async for chunk in body.chunks()]


@pytest.mark.parametrize("capacity", [1, 3, 1000])
def test_a_thread_reads_all_items_in_order(capacity: int) -> None:
    body = writing(Channel(capacity))
    writer = in_thread(body.run)
    assert b"".join(body) == b"".join(ITEMS)
    assert ended(writer)


@pytest.mark.parametrize("capacity", [1, 3, 1000])
def test_an_event_loop_reads_all_items_in_order(capacity: int) -> None:
    body = writing(Channel(capacity))
    writer = in_thread(body.run)
    assert b"".join(asyncio.run(drain(body))) == b"".join(ITEMS)
    assert ended(writer)


def test_an_event_loop_writes_for_a_thread() -> None:
    channel = Channel(2)
    body = StreamBody(channel, lambda: asyncio.run(write()))

    async def write() -> None:
        for item in ITEMS:
            assert await channel.put_async(item)

    writer = in_thread(body.run)
    assert b"".join(body) == b"".join(ITEMS)
    assert ended(writer)


def test_items_that_wait_are_sent_together_and_none_is_held_back() -> None:
    channel = Channel()
    channel.put(b"a")
    channel.put(b"b")
    body = StreamBody(channel, lambda: None)
    assert next(body) == b"ab"
    channel.put(b"c")
    assert next(body) == b"c"
    channel.end()
    assert list(body) == []


def test_a_writer_waits_for_room() -> None:
    channel = Channel(capacity=2)
    written: list[int] = []
    full = threading.Event()

    def write() -> None:
        for number in range(4):
            if number == 1:
                full.set()
            channel.put(b"x")
            written.append(number)

    writer = in_thread(write)
    assert full.wait(PATIENCE)
    # The second item fills the channel: its writer comes back only after a reader took some.
    assert channel.take(lambda: None) is not None
    while writer.is_alive():
        channel.take(lambda: None)
    assert written == [0, 1, 2, 3]


def test_a_reader_that_leaves_frees_a_waiting_writer() -> None:
    channel = Channel(capacity=1)
    results: list[bool] = []
    writer = in_thread(lambda: results.append(channel.put(b"x")))
    while channel.take(lambda: None) is None:
        pass
    blocked = in_thread(lambda: results.append(channel.put(b"y")))
    channel.close()
    assert ended(writer)
    assert ended(blocked)
    assert results[-1] is False
    assert channel.put(b"z") is False


def test_closing_ends_a_waiting_reader() -> None:
    body = StreamBody(Channel(), lambda: None)
    reader = in_thread(lambda: collections.deque(body, 0).clear())
    body.close()
    assert ended(reader)


def test_on_close_is_called_once_and_also_too_late() -> None:
    channel = Channel()
    calls: list[str] = []
    channel.on_close(lambda: calls.append("close"))
    channel.close()
    channel.close()
    assert calls == ["close"]
    channel.on_close(lambda: calls.append("late"))
    assert calls == ["close", "late"]


def test_a_stream_that_has_ended_is_not_stopped() -> None:
    channel = Channel()
    calls: list[str] = []
    channel.on_close(lambda: calls.append("close"))
    channel.end()
    channel.close()
    assert calls == []


def test_a_silent_stream_notices_that_its_client_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datarobot_drum.drum.prediction.lane.streams.PROBE_INTERVAL", 0.01)
    channel = Channel()
    body = StreamBody(channel, lambda: None)
    body.probe_with(lambda: True)
    assert list(body) == []
    assert channel.closed


def test_a_writer_that_fails_still_ends_the_stream() -> None:
    def fail() -> None:
        raise ValueError("boom")

    body = StreamBody(Channel(), fail)
    with pytest.raises(ValueError, match="boom"):
        body.run()
    assert list(body) == []


def test_a_loop_that_has_ended_is_no_failure_of_the_writer() -> None:
    channel = Channel()
    body = StreamBody(channel, lambda: None)

    async def leave() -> None:
        task = asyncio.create_task(drain(body))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    assert channel.put(b"x")


def test_a_stream_that_is_cut_ends_with_what_waits_and_the_last_item() -> None:
    channel = Channel(capacity=2)
    channel.put(b"a")
    writer = in_thread(lambda: channel.put(b"b"))
    body = StreamBody(channel, lambda: None)
    body.cut(b"last")
    assert ended(writer)
    assert not channel.put(b"lost")
    assert b"".join(body) in (b"ablast", b"alast")


def test_a_stream_that_has_ended_or_lost_its_reader_is_not_cut() -> None:
    whole, unread = Channel(), Channel()
    whole.end(b"done")
    unread.close()
    for channel in (whole, unread):
        channel.cut(b"last")
        channel.end(b"again")
    assert b"".join(StreamBody(whole, lambda: None)) == b"done"
    assert b"".join(StreamBody(unread, lambda: None)) == b""


def test_a_cut_tells_a_writer_that_waits_for_its_model() -> None:
    channel, told = Channel(), threading.Event()
    channel.on_close(told.set)
    channel.cut(b"last")
    assert told.is_set()


def test_streams_that_come_after_the_cut_are_cut_too() -> None:
    streams, early, late = OpenStreams(), Channel(), Channel()
    bodies = [StreamBody(channel, lambda: None) for channel in (early, late)]
    streams.add(bodies[0])
    streams.cut(b"last")
    streams.add(bodies[1])
    assert [b"".join(body) for body in bodies] == [b"last", b"last"]


def test_a_writer_that_never_waits_lets_its_loop_run_once_the_reader_has_gone() -> None:
    async def write() -> bool:
        channel, ran = Channel(), asyncio.Event()
        channel.close()
        asyncio.get_running_loop().call_soon(ran.set)
        for _ in range(10):
            assert not await channel.put_async(b"x")
        return ran.is_set()

    assert asyncio.run(write())


@pytest.mark.parametrize(("graceful_timeout", "seconds"), [(299, 298), (2, 1), (1, 0.5)])
def test_streams_end_before_the_server_does(graceful_timeout: float, seconds: float) -> None:
    assert seconds_for_streams(graceful_timeout) == seconds
