"""A bounded hand-over of bytes from the thread that makes them to the front that sends them.

Either side may be a thread or a coroutine. Neither polls: a side that has to wait leaves a
callback, and the other side calls it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final
from weakref import WeakSet

Wake = Callable[[], object]

CAPACITY: Final = 16
# Bytes that may wait to be sent before the writer does.
MAX_WAITING: Final = 256 * 1024
# Seconds between two looks whether a silent stream's client is still there.
PROBE_INTERVAL: Final = 1.0
# Seconds before the end of a server at which streams that still run get their last item.
LAST_ITEM_MARGIN: Final = 1.0


class Channel:
    """What the writer and the reader of a stream share.

    Args:
        capacity: items that may wait to be sent; the writer waits while there are as many.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._items: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._closed = False
        self._cut = False
        self._wake_reader: Wake | None = None
        self._wake_writer: Wake | None = None
        self._on_close: Wake | None = None

    @property
    def closed(self) -> bool:
        """The reader has gone, or has got its last item: what is written now is lost."""
        return self._closed or self._cut

    # -- the writer's side

    def offer(self, item: bytes, wake: Wake) -> bool:
        """Hand an item over, without waiting.

        Returns:
            True when there is room for another one. If not, ``wake`` is called once there is,
            or once the channel is closed.
        """
        with self._lock:
            if self.closed:
                return True
            self._items.append(item)
            self._waiting += len(item)
            reader, self._wake_reader = self._wake_reader, None
            full = len(self._items) >= self._capacity or self._waiting >= MAX_WAITING
            self._wake_writer = wake if full else None
        _call(reader)
        return not full

    def put(self, item: bytes) -> bool:
        """Hand an item over and wait, on this thread, for room; False once it is closed."""
        room = threading.Event()
        if not self.offer(item, room.set):
            room.wait()
        return not self.closed

    async def put_async(self, item: bytes) -> bool:
        """Like ``put``, without blocking the event loop."""
        wake, room = loop_waker()
        if not self.offer(item, wake):
            await room
        elif self.closed:
            # What stops the writer may have to run on this very loop.
            await asyncio.sleep(0)
        return not self.closed

    def end(self, last: bytes = b"") -> None:
        """No more items will come, after ``last``, which does not wait for room."""
        with self._lock:
            if last and not (self._ended or self._closed):
                self._items.append(last)
            self._ended = True
            reader, self._wake_reader = self._wake_reader, None
        _call(reader)

    def on_close(self, wake: Wake) -> None:
        """Call ``wake`` when the channel is closed, by its reader or by ``cut``."""
        with self._lock:
            self._on_close = wake
            closed = self.closed
        if closed:
            wake()

    # -- from outside

    def cut(self, last: bytes) -> None:
        """End a stream that has not ended: its reader gets ``last``, its writer is stopped."""
        with self._lock:
            if self._ended or self._closed:
                return
            self._items.append(last)
            self._ended = self._cut = True
            wakes = (self._wake_reader, self._wake_writer, self._on_close)
            self._wake_reader = self._wake_writer = None
        for wake in wakes:
            _call(wake)

    # -- the reader's side

    def take(self, wake: Wake) -> bytes | None:
        """All that waits to be sent, joined; ``b""`` at the end of the stream.

        None when there is nothing yet: ``wake`` is called once there is.
        """
        with self._lock:
            if not self._items:
                if self._ended or self._closed:
                    return b""
                self._wake_reader = wake
                return None
            taken = b"".join(self._items)
            self._items.clear()
            self._waiting = 0
            writer, self._wake_writer = self._wake_writer, None
        _call(writer)
        return taken

    def close(self) -> None:
        """The reader goes away; safe to call more than once, from any thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._items.clear()
            wakes = (self._wake_reader, self._wake_writer, None if self._ended else self._on_close)
            self._wake_reader = self._wake_writer = None
        for wake in wakes:
            _call(wake)


class StreamBody(Iterator[bytes]):
    """The body of a streamed answer: an iterator for WSGI, ``chunks()`` for an event loop.

    ``run`` makes the content, on the thread that must be busy with it until it has ended.
    """

    def __init__(self, channel: Channel, write: Callable[[], None]) -> None:
        self._channel = channel
        self._write = write
        self._is_gone: Callable[[], bool] = lambda: False

    def run(self) -> None:
        """Write the stream; returns when it has ended or its reader has gone."""
        try:
            self._write()
        finally:
            self._channel.end()

    def probe_with(self, is_gone: Callable[[], bool]) -> None:
        """While the stream is silent, ask now and then whether the client has gone."""
        self._is_gone = is_gone

    def __next__(self) -> bytes:
        while True:
            arrived = threading.Event()
            taken = self._channel.take(arrived.set)
            if taken:
                return taken
            if taken is not None:
                raise StopIteration
            while not arrived.wait(PROBE_INTERVAL):
                if self._is_gone():
                    self.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The same items for an event loop, which waits on no thread for them."""
        while True:
            wake, arrived = loop_waker()
            taken = self._channel.take(wake)
            if taken:
                yield taken
            elif taken is not None:
                return
            else:
                await arrived

    def close(self) -> None:
        """Stop the stream, also from outside while it is being read."""
        self._channel.close()

    def cut(self, last: bytes) -> None:
        """Stop a stream that still runs, with a last item for its reader."""
        self._channel.cut(last)


class OpenStreams:
    """The streams of a process, for the moment when all have to end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: WeakSet[StreamBody] = WeakSet()
        self._last: bytes | None = None

    def add(self, stream: StreamBody) -> None:
        """Take note of a stream; one that comes after ``cut`` is cut at once."""
        with self._lock:
            self._streams.add(stream)
            last = self._last
        if last is not None:
            stream.cut(last)

    def cut(self, last: bytes) -> None:
        """Stop all streams that still run, with a last item for their readers."""
        with self._lock:
            self._last = last
            streams = list(self._streams)
        for stream in streams:
            stream.cut(last)


def seconds_for_streams(graceful_timeout: float) -> float:
    """How long streams may go on when a server has so many seconds to end."""
    return max(graceful_timeout - LAST_ITEM_MARGIN, graceful_timeout / 2)


def loop_waker() -> tuple[Wake, asyncio.Future[None]]:
    """A callback for any thread, and the running loop's future that it resolves."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    def wake() -> None:
        # A loop that has ended with its server refuses: nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve)

    return wake, future


def _call(wake: Wake | None) -> None:
    if wake is not None:
        wake()
