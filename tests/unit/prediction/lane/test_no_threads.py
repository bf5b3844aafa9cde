"""A system without a thread to spare: what a client is told, and that it passes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.prediction.chat.loop_thread import LoopThread
from datarobot_drum.drum.prediction.lane.executor import (
    NO_THREAD,
    Job,
    ModelExecutor,
    StdoutFlusher,
)
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.gated import REQUEST, gated_service

GET = PredictRequest(method="GET")


@pytest.fixture
def scarce() -> Iterator[pytest.MonkeyPatch]:
    """Until it is undone no thread can be started."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield patch


def test_a_request_is_refused_and_the_next_one_answered(
    service: PredictionService, scarce: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service.warm_up()
    for _ in range(3):
        answer = service.answer(Operation.PREDICT, REQUEST)
        assert answer.status == 503
        assert isinstance(answer.body, bytes)
        assert NO_THREAD in json.loads(answer.body)["message"]
        assert "Retry-After" in dict(answer.headers)
    assert caplog.text.count("There is no thread for the model") == 1
    figures = service.metrics.executor_figures()
    assert (figures["in_progress"], figures["queue_depth"]) == (0, 0)
    scarce.undo()
    assert service.answer(Operation.PREDICT, REQUEST).status == 200


def test_requests_that_were_refused_take_no_place_in_the_queue(
    scarce: pytest.MonkeyPatch,
) -> None:
    def process(jobs: list[Job]) -> None:
        for job in jobs:
            job.response = PredictResponse(200, b"")

    executor = ModelExecutor(process, workers=1, queue_depth=1)
    for _ in range(5):
        with pytest.raises(OverloadedError, match="no thread"):
            executor.submit(Job(Operation.PREDICT, REQUEST))
    assert executor.inside == 0
    scarce.undo()
    done = threading.Event()
    executor.submit(Job(Operation.PREDICT, REQUEST, lambda _job: done.set()))
    assert done.wait(30)
    executor.close()


@pytest.mark.parametrize("operation", [Operation.LIVEZ, Operation.V2_LIVE])
def test_liveness_fails_as_long_as_there_is_no_thread(
    service: PredictionService, scarce: pytest.MonkeyPatch, operation: Operation
) -> None:
    assert service.answer(operation, GET).status == 200
    service.answer(Operation.PREDICT, REQUEST)
    assert service.answer(operation, GET).status == 503
    # Nobody has to predict for it to be noticed that there are threads again.
    scarce.undo()
    assert service.answer(operation, GET).status == 200
    assert service.answer(Operation.PREDICT, REQUEST).status == 200


def test_the_threads_that_are_there_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    service, model = gated_service(executor_workers=2)
    model.gate.set()
    assert service.answer(Operation.PREDICT, REQUEST).status == 200

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(3):
        assert service.answer(Operation.PREDICT, REQUEST).status == 200
    assert service.answer(Operation.LIVEZ, GET).status == 200
    service.close()


def test_a_loop_for_coroutines_is_asked_for_again(scarce: pytest.MonkeyPatch) -> None:
    async def one() -> int:
        return 1

    loop = LoopThread()
    with pytest.raises(OverloadedError, match="no thread"):
        loop.start(one())
    scarce.undo()
    assert loop.start(one()).result(30) == 1
    loop.close()


def test_what_hooks_print_waits_for_a_thread(
    scarce: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = threading.Event()
    monkeypatch.setattr("sys.stdout.flush", flushed.set)
    monkeypatch.setattr("datarobot_drum.drum.prediction.lane.executor.QUIET_SECONDS", 0.0)
    flusher = StdoutFlusher()
    flusher.touch()
    scarce.undo()
    flusher.touch()
    assert flushed.wait(30)


def test_status_pages_that_need_a_thread_are_refused_until_there_is_one(
    service: PredictionService, scarce: pytest.MonkeyPatch
) -> None:
    async def ask() -> list[int]:
        first = await service.answer_async(Operation.STATS, GET)
        scarce.undo()
        return [first.status, (await service.answer_async(Operation.STATS, GET)).status]

    assert asyncio.run(ask()) == [503, 200]
