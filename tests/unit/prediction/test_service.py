"""The service behind all fronts: what a caller gets, on a thread and in an event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from datarobot_drum.drum import logs
from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.exceptions import ClientGoneError, CustomHTTPError, ModelError
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import (
    ModelInfo,
    Predictions,
    RowSource,
)
from datarobot_drum.drum.prediction.failed import FailedService
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService, Service
from tests.unit.prediction.gated import OnlyPredicts

PATIENCE = 30
STATUS = (Operation.PING, Operation.HEALTH, Operation.LIVEZ, Operation.READYZ, Operation.INFO)


class Fake(OnlyPredicts):
    """A regression model that does what the test says."""

    def __init__(self, behave: Callable[[Any], object] = lambda _frame: None) -> None:
        self.info = ModelInfo("/code", TargetType.REGRESSION, RunLanguage.PYTHON)
        self.behave = behave
        self.closed = 0

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return None

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        self.behave(frame)
        return Predictions(np.arange(len(frame), dtype=float)[:, None], ("Predictions",))

    def close(self) -> None:
        self.closed += 1


def request(rows: str = "a\n1\n2\n", **values: Any) -> PredictRequest:
    return PredictRequest(rows.encode(), "text/csv", **values)


Ask = Callable[[Service, Operation, PredictRequest], PredictResponse]


def on_a_thread(service: Service, operation: Operation, sent: PredictRequest) -> PredictResponse:
    return service.answer(operation, sent)


def in_a_loop(service: Service, operation: Operation, sent: PredictRequest) -> PredictResponse:
    return asyncio.run(service.answer_async(operation, sent))


@pytest.fixture(params=[on_a_thread, in_a_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


@pytest.fixture
def serve() -> Iterator[Callable[..., PredictionService]]:
    services: list[PredictionService] = []

    def make(model: Fake, **settings: Any) -> PredictionService:
        services.append(PredictionService(model, ServiceSettings(**settings)))
        return services[-1]

    yield make
    for service in services:
        service.close()


Serve = Callable[..., PredictionService]


def content(answer: PredictResponse) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def test_prediction(ask: Ask, serve: Serve) -> None:
    answer = ask(serve(Fake()), Operation.PREDICT, request())
    assert (answer.status, content(answer)) == (200, {"predictions": [0.0, 1.0]})
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ModelError("the model broke"), 500, "ERROR: the model broke"),
        (ValueError("odd"), 500, "ERROR: odd"),
        (CustomHTTPError("gone", 410), 410, "gone"),
        (RecursionError("too deep"), 500, "ERROR: too deep"),
    ],
)
def test_failures_are_answers(
    ask: Ask, serve: Serve, error: Exception, status: int, message: str
) -> None:
    def fail(_frame: Any) -> None:
        raise error

    answer = ask(serve(Fake(fail)), Operation.PREDICT, request())
    assert (answer.status, content(answer)["message"]) == (status, message)


def test_the_request_id_is_known_where_the_model_runs(ask: Ask, serve: Serve) -> None:
    seen: list[str] = []
    service = serve(Fake(lambda _frame: seen.append(logs.request_id.get())))
    for name in ("one", "two"):
        ask(service, Operation.PREDICT, request(request_id=name))
    assert seen == ["one", "two"]


def test_a_draining_service_is_not_ready_but_answers(ask: Ask, serve: Serve) -> None:
    service = serve(Fake())
    assert ask(service, Operation.READYZ, request()).status == 200
    service.is_draining = lambda: True
    assert ask(service, Operation.READYZ, request()).status == 503
    assert ask(service, Operation.LIVEZ, request()).status == 200
    assert ask(service, Operation.PREDICT, request()).status == 200


def test_status_never_waits_for_the_model(ask: Ask, serve: Serve) -> None:
    free, entered = threading.Event(), threading.Event()

    def hold(_frame: Any) -> None:
        entered.set()
        assert free.wait(PATIENCE)

    service = serve(Fake(hold))
    caller = threading.Thread(target=service.answer, args=(Operation.PREDICT, request()))
    caller.start()
    try:
        assert entered.wait(PATIENCE)
        for operation in (*STATUS, Operation.STATS, Operation.CAPABILITIES, Operation.METRICS):
            assert ask(service, operation, request()).status == 200
    finally:
        free.set()
        caller.join(PATIENCE)


def test_too_slow_a_prediction(ask: Ask, serve: Serve) -> None:
    free = threading.Event()
    service = serve(Fake(lambda _frame: free.wait(PATIENCE)), request_timeout=0.05)
    answer = ask(service, Operation.PREDICT, request())
    free.set()
    assert answer.status == 504
    assert content(answer)["message"].startswith("ERROR: ")


def test_a_cancelled_caller_frees_its_place(serve: Serve) -> None:
    free, entered = threading.Event(), threading.Event()
    rows: list[int] = []

    def hold(frame: Any) -> None:
        rows.append(len(frame))
        entered.set()
        assert free.wait(PATIENCE)

    service = serve(Fake(hold), queue_depth=1)

    async def main() -> PredictResponse:
        first = asyncio.create_task(service.answer_async(Operation.PREDICT, request("a\n1\n")))
        await asyncio.to_thread(entered.wait, PATIENCE)
        second = asyncio.create_task(service.answer_async(Operation.PREDICT, request("a\n1\n2\n")))
        await asyncio.sleep(0)
        full = await service.answer_async(Operation.PREDICT, request())
        assert full.status == 503
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        third = asyncio.create_task(
            service.answer_async(Operation.PREDICT, request("a\n1\n2\n3\n"))
        )
        await asyncio.sleep(0)
        free.set()
        await first
        return await third

    answer = asyncio.run(main())
    assert answer.status == 200
    assert rows == [1, 3]


def test_a_client_that_goes_away_frees_its_place(serve: Serve) -> None:
    free, entered = threading.Event(), threading.Event()
    rows: list[int] = []

    def hold(frame: Any) -> None:
        rows.append(len(frame))
        entered.set()
        assert free.wait(PATIENCE)

    service = serve(Fake(hold))

    async def gone() -> None:
        return None

    async def main() -> int:
        first = asyncio.create_task(service.answer_async(Operation.PREDICT, request("a\n1\n")))
        await asyncio.to_thread(entered.wait, PATIENCE)
        left = await service.answer_async(Operation.PREDICT, request("a\n1\n2\n"), gone)
        free.set()
        await first
        return left.status

    assert asyncio.run(main()) == ClientGoneError.status
    assert rows == [1]


def test_many_callers_at_once(serve: Serve) -> None:
    service = serve(Fake())

    async def main() -> list[PredictResponse]:
        asked = (
            service.answer_async(Operation.PREDICT, request("a\n" + "1\n" * rows))
            for rows in range(1, 40)
        )
        return await asyncio.gather(*asked)

    answers = asyncio.run(main())
    assert [len(content(answer)["predictions"]) for answer in answers] == list(range(1, 40))


def test_closing_lets_go_of_the_model() -> None:
    model = Fake()
    PredictionService(model, ServiceSettings()).close()
    assert model.closed == 1


# -- a model that could not be loaded


@pytest.mark.parametrize("operation", [Operation.PING, Operation.PREDICT, Operation.INFO])
def test_failed_service_tells_why(ask: Ask, operation: Operation) -> None:
    answer = ask(FailedService(ValueError("no weights")), operation, request())
    assert (answer.status, content(answer)) == (513, {"message": "ERROR: no weights"})


def test_failed_service_is_alive_and_not_ready(ask: Ask) -> None:
    service = FailedService(ValueError("no weights"))
    assert ask(service, Operation.LIVEZ, request()).status == 200
    assert ask(service, Operation.READYZ, request()).status == 503
