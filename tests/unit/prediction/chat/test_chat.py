"""The chat lane: slots, back-pressure, callers that give up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest

from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.prediction.chat.completions import Headers
from datarobot_drum.drum.prediction.chat.loop_thread import LoopThread
from datarobot_drum.drum.prediction.lane.streams import CAPACITY, StreamBody
from datarobot_drum.drum.prediction.messages import JSON, PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService

PATIENCE = 30
REQUEST = PredictRequest(b"{}", JSON)


class Chunk:
    object = "chat.completion.chunk"

    def to_json(self, indent: int | None = 2) -> str:
        return "{}"


class Model:
    """A model whose ``chat`` the test sets."""

    info = ModelInfo("/code", TargetType.TEXT_GENERATION, RunLanguage.PYTHON, supports_chat=True)

    def __init__(self, hook: Callable[[], Any]) -> None:
        self.hook = hook

    def chat(self, params: dict[str, Any], headers: Mapping[str, str]) -> Any:
        return self.hook()

    def __getattr__(self, name: str) -> Any:
        if name == "close":
            return lambda: None
        raise AttributeError(name)


Serve = Callable[..., PredictionService]


@pytest.fixture
def serve() -> Iterator[Serve]:
    services: list[PredictionService] = []

    def start(hook: Callable[[], Any], **settings: Any) -> PredictionService:
        model: Any = Model(hook)
        services.append(PredictionService(model, ServiceSettings(**settings)))
        return services[-1]

    yield start
    for service in services:
        service.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def stream_of(answer: PredictResponse) -> StreamBody:
    assert isinstance(answer.body, StreamBody)
    return answer.body


class Endless:
    """A generator without an end that says how far it got and how it was stopped."""

    def __init__(self) -> None:
        self.drawn = 0
        self.closed_by = ""

    def __call__(self) -> Iterator[Chunk]:
        try:
            while True:
                self.drawn += 1
                yield Chunk()
        finally:
            self.closed_by = threading.current_thread().name

    async def drawn_async(self) -> AsyncIterator[Chunk]:
        try:
            while True:
                self.drawn += 1
                yield Chunk()
        finally:
            self.closed_by = threading.current_thread().name


@pytest.mark.parametrize("is_async", [False, True])
def test_back_pressure_and_stop(serve: Serve, is_async: bool) -> None:
    endless = Endless()
    service = serve(endless.drawn_async if is_async else endless)
    body = stream_of(service.answer(Operation.CHAT, REQUEST))
    until(lambda: endless.drawn >= CAPACITY)
    assert not endless.closed_by
    body.close()
    until(lambda: bool(endless.closed_by))
    assert endless.drawn <= CAPACITY + 1
    # The thread that drew the chunks is also the one that stops the generator.
    assert endless.closed_by.startswith("model-loop" if is_async else "model-")


def test_streams_keep_their_slots(serve: Serve) -> None:
    running: list[Endless] = []

    def hook() -> Iterator[Chunk]:
        running.append(Endless())
        return running[-1]()

    service = serve(hook, executor_workers=2, queue_timeout=0.05)
    bodies = [stream_of(service.answer(Operation.CHAT, REQUEST)) for _ in range(2)]
    refused = service.answer(Operation.CHAT, REQUEST)
    assert refused.status == 503
    assert len(running) == 2
    bodies[0].close()
    until(lambda: bool(running[0].closed_by))
    third = stream_of(service.answer(Operation.CHAT, REQUEST))
    assert not running[1].closed_by
    for body in (bodies[1], third):
        body.close()


def test_a_stream_that_comes_after_the_timeout_is_stopped(serve: Serve) -> None:
    go = threading.Event()
    endless = Endless()

    def hook() -> Iterator[Chunk]:
        go.wait(PATIENCE)
        return endless()

    service = serve(hook, request_timeout=0.05)
    assert service.answer(Operation.CHAT, REQUEST).status == 504
    go.set()
    until(lambda: bool(endless.closed_by))
    assert endless.drawn <= 2


def test_a_client_that_leaves_before_its_turn_frees_its_place(serve: Serve) -> None:
    go = threading.Event()
    calls: list[int] = []

    def hook() -> Any:
        calls.append(1)
        go.wait(PATIENCE)
        return []

    service = serve(hook, executor_workers=1, queue_depth=1)

    async def gone() -> None:
        return

    async def ask() -> None:
        running = asyncio.create_task(service.answer_async(Operation.CHAT, REQUEST))
        while not calls:
            await asyncio.sleep(0.005)
        # The queue has one place, and each of these has it until its client is seen to leave.
        for _ in range(2):
            answer = await service.answer_async(Operation.CHAT, REQUEST, gone)
            assert answer.status == 499
        go.set()
        stream_of(await running).close()

    asyncio.run(ask())
    assert calls == [1]


def test_a_cancelled_caller_stops_its_stream(serve: Serve) -> None:
    started, go = threading.Event(), threading.Event()
    endless = Endless()

    def hook() -> Iterator[Chunk]:
        started.set()
        go.wait(PATIENCE)
        return endless()

    service = serve(hook)

    async def ask() -> None:
        task = asyncio.create_task(service.answer_async(Operation.CHAT, REQUEST))
        await asyncio.to_thread(started.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    go.set()
    until(lambda: bool(endless.closed_by))
    assert endless.drawn <= 2


def test_closing_the_service_ends_coroutines_that_still_run(serve: Serve) -> None:
    stopped = threading.Event()

    async def silent() -> AsyncIterator[Chunk]:
        try:
            yield Chunk()
            await asyncio.Event().wait()
        finally:
            stopped.set()

    service = serve(silent)
    stream_of(service.answer(Operation.CHAT, REQUEST))
    service.close()
    assert stopped.wait(PATIENCE)


def test_coroutines_of_all_requests_share_a_loop(serve: Serve) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def hook() -> list[Chunk]:
        loops.append(asyncio.get_running_loop())
        return []

    service = serve(hook)
    for _ in range(3):
        assert service.answer(Operation.CHAT, REQUEST).status == 200
    assert len(set(loops)) == 1


def test_stream_objects_of_client_libraries_are_closed(serve: Serve) -> None:
    class Stream:
        closed = False

        def __iter__(self) -> Iterator[Chunk]:
            return iter([Chunk(), Chunk()])

        def close(self) -> None:
            self.closed = True

    stream = Stream()
    body = stream_of(serve(lambda: stream).answer(Operation.CHAT, REQUEST))
    assert b"".join(body).endswith(b"data: [DONE]\n\n")
    until(lambda: stream.closed)


def test_a_generator_that_cannot_be_closed_does_not_harm(serve: Serve) -> None:
    class Stubborn:
        def __iter__(self) -> Iterator[Chunk]:
            return iter([Chunk()])

        def close(self) -> None:
            raise ValueError("never")

    service = serve(Stubborn)
    for _ in range(2):
        assert list(stream_of(service.answer(Operation.CHAT, REQUEST)))


def test_headers() -> None:
    headers = Headers({"x-my-header": "1", "accept": "2"})
    assert headers["X-MY-header"] == headers.get("x-my-header") == "1"
    assert dict(headers) == {"X-My-Header": "1", "Accept": "2"}
    assert "Accept" in headers
    assert "other" not in headers
    assert len(headers) == 2


def test_a_loop_that_was_closed_starts_again() -> None:
    async def answer() -> int:
        return 42

    loop = LoopThread()
    loop.close()
    for _ in range(2):
        assert loop.start(answer()).result(PATIENCE) == 42
        loop.close()
