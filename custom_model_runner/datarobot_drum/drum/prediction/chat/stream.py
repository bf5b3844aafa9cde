"""What a ``chat`` hook returns, as server-sent events: iterables and async iterables of chunks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import orjson

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.chat.loop_thread import LoopThread
from datarobot_drum.drum.prediction.figures.tracing import RequestSpan
from datarobot_drum.drum.prediction.lane.streams import Channel, StreamBody
from datarobot_drum.drum.utils.others_code import failing_as

logger = get_drum_logger(__name__)

ASSOCIATION_ID: Final = "datarobot_association_id"
DONE: Final = b"data: [DONE]\n\n"
SERVER_ENDS: Final = "The server is shutting down: this answer is not complete."
# What comes after the last chunk; no model returns it.
_END: Final = object()
# How a task, or a coroutine that is forgotten, is told to end.
_PASSED_ON: Final = (asyncio.CancelledError, GeneratorExit)


class Events:
    """Chunks and failures of one request as server-sent events.

    Args:
        describe: the text that the client gets for an exception.
        span: told of every chunk.
    """

    def __init__(
        self,
        association_id: str,
        describe: Callable[[Exception], str],
        span: RequestSpan | None = None,
    ) -> None:
        self._span = span
        self._association_id = association_id
        self._describe = describe

    def first(self, chunk: Any, response: Any) -> bytes:
        """The event that opens the stream.

        Raises:
            ModelError: ``response`` does not yield chunks.
        """
        if chunk is _END:
            return b""
        if not _is_chunk(chunk):
            raise unexpected(response)
        return self.of(chunk)

    def of(self, chunk: Any) -> bytes:
        setattr(chunk, ASSOCIATION_ID, self._association_id)
        if self._span is not None:
            self._span.chat_chunk(chunk)
        return b"data: %b\n\n" % chunk.to_json(indent=None).encode("utf-8")

    def failure(self, error: Exception) -> bytes:
        """The event that ends a stream in which something failed."""
        return error_event(self._describe(error))


def error_event(text: str) -> bytes:
    """The event that ends a stream in place of ``[DONE]``."""
    return b"data: %b\n\n" % orjson.dumps({"error": {"message": text}})


def unexpected(response: Any) -> ModelError:
    return ModelError(
        "Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]. "
        f"response type: {type(response)}.response(str): {response}"
    )


def as_exception(error: BaseException) -> Exception:
    """What would end a thread, as ``sys.exit`` does, is an error like any other in a model."""
    if isinstance(error, Exception):
        return error
    return ModelError(f"The model ended itself. Exception: {error!r}")


def _no_exception(error: BaseException) -> Exception | None:
    return None if isinstance(error, Exception) else as_exception(error)


def _is_chunk(chunk: Any) -> bool:
    named = type(chunk).__name__ == "ChatCompletionChunk"
    return named or getattr(chunk, "object", None) == "chat.completion.chunk"


# -- iterables: drawn on the lane's thread


def open_stream(response: Any, events: Events) -> StreamBody:
    """Draw the first chunk; the rest is drawn by the body's ``run``.

    Raises:
        ModelError: the response is no iterable of chunks.
        Exception: whatever the model raised before its first chunk.
    """
    if not isinstance(response, Iterable):
        raise unexpected(response)
    chunks = iter(response)
    with ExitStack() as undo:
        undo.callback(_close, chunks, response)
        with failing_as(_no_exception):
            opening = events.first(next(chunks, _END), response)
        undo.pop_all()
    channel = Channel()
    return StreamBody(channel, lambda: _write(channel, opening, chunks, response, events))


def _write(
    channel: Channel, opening: bytes, chunks: Iterator[Any], response: Any, events: Events
) -> None:
    try:
        with _told(lambda error: channel.end(events.failure(error))):
            if opening and not channel.put(opening):
                return
            for chunk in chunks:
                if not channel.put(events.of(chunk)):
                    return
            channel.end(DONE)
    finally:
        _close(chunks, response)


def _close(*closables: Any) -> None:
    """Stop a generator, or let go of a client library's stream."""
    for closable in closables:
        close = getattr(closable, "close", None)
        if callable(close):
            with _told(_not_closed):
                close()


def _not_closed(error: Exception) -> None:
    logger.warning("A chat stream could not be closed: %r", error)


@contextmanager
def _told(
    tell: Callable[[Exception], object], unless: tuple[type[BaseException], ...] = ()
) -> Iterator[None]:
    """A block of the model's code: what it raises is told, and goes no further.

    Args:
        unless: exceptions that pass.
    """
    try:
        yield
    except unless:
        raise
    # The answer has begun, or its thread and its loop serve others as well: nothing may get out.
    except BaseException as error:
        tell(as_exception(error))


# -- awaitables and async iterables: one task each, because a model may hold something across
# its chunks that has to be let go of by the task that took it


def is_async(response: Any) -> bool:
    return inspect.isawaitable(response) or isinstance(response, AsyncIterable)


def resolve(response: Any, events: Events, loop: LoopThread) -> Any:
    """Wait, on the lane's thread, for what a coroutine returns or for the first chunk.

    Returns:
        The coroutine's result, or a ``StreamBody`` that is being written.

    Raises:
        Exception: whatever the model raised.
    """
    handed: Future[Any] = Future()
    task = loop.start(_drive(response, events, handed))
    # A task that was cancelled hands nothing over.
    task.add_done_callback(lambda _task: handed.cancel())
    result = handed.result()
    if isinstance(result, Channel):
        return StreamBody(result, lambda: _wait(task))
    return result


def _wait(task: Future[None]) -> None:
    try:
        task.result()
    except CancelledError:
        logger.debug("A chat stream was stopped: its client has gone, or the server ends.")


async def _drive(response: Any, events: Events, handed: Future[Any]) -> None:
    with _told(handed.set_exception, unless=_PASSED_ON):
        result = await response if inspect.isawaitable(response) else response
        if not isinstance(result, AsyncIterable):
            handed.set_result(result)
            return
        chunks = aiter(result)
        opening = events.first(await anext(chunks, _END), result)
    if handed.done():
        return
    channel = _cancelling_channel()
    handed.set_result(channel)
    await _write_async(channel, opening, chunks, result, events)


def _cancelling_channel() -> Channel:
    """A channel that cancels the current task when it is closed before its end."""
    channel = Channel()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    channel.on_close(lambda: loop.call_soon_threadsafe(task.cancel))
    return channel


async def _write_async(
    channel: Channel, opening: bytes, chunks: AsyncIterator[Any], response: Any, events: Events
) -> None:
    try:
        with _told(lambda error: channel.end(events.failure(error)), unless=_PASSED_ON):
            if opening:
                await channel.put_async(opening)
            async for chunk in chunks:
                if not await channel.put_async(events.of(chunk)):
                    # The cancellation is on its way: no more is drawn for nobody.
                    await asyncio.get_running_loop().create_future()
            channel.end(DONE)
    finally:
        channel.end()
        await _close_async(chunks, response)


async def _close_async(*closables: Any) -> None:
    for closable in closables:
        close = getattr(closable, "aclose", None) or getattr(closable, "close", None)
        if callable(close):
            with _told(_not_closed, unless=_PASSED_ON):
                closed = close()
                if inspect.isawaitable(closed):
                    await closed
