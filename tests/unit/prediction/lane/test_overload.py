"""What a request gets when the model is busy, stuck, or slower than allowed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from datarobot_drum.drum.exceptions import PredictionTimeoutError
from datarobot_drum.drum.prediction.lane.executor import Job, ModelExecutor
from datarobot_drum.drum.prediction.lane.waiting import Timeouts
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.gated import REQUEST, GatedModel, gated_service

Ask = Callable[..., "Future[PredictResponse]"]
LONG = 30.0


@pytest.fixture(params=["thread", "event loop"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Send a request in the background, by either of the service's two ways in."""
    with ThreadPoolExecutor(16) as pool:

        def ask(
            service: PredictionService,
            operation: Operation = Operation.PREDICT,
            sent: PredictRequest = REQUEST,
        ) -> Future[PredictResponse]:
            if request.param == "thread":
                return pool.submit(service.answer, operation, sent)
            return pool.submit(lambda: asyncio.run(service.answer_async(operation, sent)))

        yield ask


@pytest.fixture
def served() -> Iterator[Callable[..., tuple[PredictionService, GatedModel]]]:
    made: list[PredictionService] = []

    def serve(**settings: Any) -> tuple[PredictionService, GatedModel]:
        service, model = gated_service(**settings)
        made.append(service)
        return service, model

    yield serve
    for service in made:
        service.close()


def figures(service: PredictionService) -> dict[str, int]:
    return service.metrics.executor_figures()


def wait_until(service: PredictionService, **expected: int) -> None:
    deadline = time.monotonic() + LONG
    while not expected.items() <= figures(service).items():
        assert time.monotonic() < deadline, (expected, figures(service))
        time.sleep(0.001)


def test_a_full_queue_is_answered_at_once(ask: Ask, served: Any) -> None:
    service, model = served(queue_depth=2)
    inside = [ask(service) for _ in range(3)]
    wait_until(service, in_progress=3, queue_depth=2, workers_busy=1)
    answer = ask(service).result(LONG)
    assert answer.status == 503
    assert dict(answer.headers)["Retry-After"] == "1"
    assert b"ERROR: The server is busy" in answer.body
    assert figures(service)["queue_full"] == 1
    model.gate.set()
    assert [answer.result(LONG).status for answer in inside] == [200, 200, 200]
    wait_until(service, in_progress=0, queue_depth=0, workers_busy=0)


def test_waiting_too_long_is_answered_while_the_model_is_stuck(ask: Ask, served: Any) -> None:
    service, model = served(queue_timeout=0.05)
    first = ask(service)
    assert model.running.acquire(timeout=LONG)
    answer = ask(service).result(LONG)
    assert answer.status == 503
    assert b"waited too long" in answer.body
    assert not first.done()
    wait_until(service, in_progress=1, queue_depth=0, queue_timeout=1)


def test_whoever_gave_up_waiting_makes_room_and_is_never_computed(ask: Ask, served: Any) -> None:
    service, model = served(queue_depth=1, queue_timeout=0.05)
    first = ask(service)
    assert model.running.acquire(timeout=LONG)
    for _ in range(3):
        assert b"waited too long" in ask(service).result(LONG).body
    model.gate.set()
    assert first.result(LONG).status == 200
    assert ask(service).result(LONG).status == 200
    assert model.running.acquire(timeout=LONG)
    assert not model.running.acquire(blocking=False)


def test_running_too_long_is_a_504(ask: Ask, served: Any) -> None:
    service, model = served(request_timeout=0.05)
    answer = ask(service).result(LONG)
    assert answer.status == 504
    assert json.loads(answer.body) == {
        "message": "ERROR: The prediction took longer than DRUM_CLIENT_REQUEST_TIMEOUT (0.05 s)."
    }
    wait_until(service, request_timeout=1, workers_busy=1, calls_deserted=1)
    model.gate.set()
    wait_until(service, workers_busy=0, calls_deserted=0)
    assert ask(service).result(LONG).status == 200


def test_the_time_in_the_queue_is_not_time_in_the_model() -> None:
    timeouts = Timeouts(queue_timeout=60, request_timeout=60)
    lane = ModelExecutor(lambda jobs: None)
    job = Job(Operation.PREDICT, REQUEST, lambda job: None)
    job.queued_at -= 100
    job.started_at = time.monotonic() - 10
    left = timeouts.look(lane, job)
    assert isinstance(left, float)
    assert 0 < left <= 50
    job.started_at -= 60
    assert isinstance(timeouts.look(lane, job), PredictionTimeoutError)


def test_status_routes_answer_while_the_queue_is_full(ask: Ask, served: Any) -> None:
    service, _ = served(queue_depth=1)
    inside = [ask(service) for _ in range(2)]
    wait_until(service, in_progress=2)
    for operation in (Operation.PING, Operation.LIVEZ, Operation.READYZ, Operation.INFO):
        assert ask(service, operation).result(LONG).status == 200
    assert ask(service, Operation.METRICS).result(LONG).status == 200
    assert not any(answer.done() for answer in inside)


def test_a_cancelled_request_frees_its_place(served: Any) -> None:
    service, model = served(queue_depth=1)

    async def cancel_one() -> None:
        first = asyncio.create_task(service.answer_async(Operation.PREDICT, REQUEST))
        second = asyncio.create_task(service.answer_async(Operation.PREDICT, REQUEST))
        while figures(service)["queue_depth"] != 1:
            await asyncio.sleep(0.001)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert figures(service)["queue_depth"] == 0
        assert figures(service)["client_gone"] == 1
        model.gate.set()
        assert (await first).status == 200

    asyncio.run(cancel_one())


@pytest.mark.parametrize("limits", [{}, {"queue_timeout": LONG, "request_timeout": LONG}])
def test_a_thread_sees_that_its_client_has_gone(served: Any, limits: dict[str, float]) -> None:
    service, model = served(queue_depth=1, **limits)
    gone = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.answer, Operation.PREDICT, REQUEST, lambda: False)
        wait_until(service, in_progress=1)
        second = pool.submit(service.answer, Operation.PREDICT, REQUEST, gone.is_set)
        wait_until(service, queue_depth=1)
        gone.set()
        assert second.result(LONG).status == 499
        assert figures(service)["queue_depth"] == 0
        assert figures(service)["client_gone"] == 1
        model.gate.set()
        assert first.result(LONG).status == 200
