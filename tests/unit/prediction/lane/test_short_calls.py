"""Short predictions are made on the event loop, and only those."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from datarobot_drum.drum.enum import RunLanguage, ServerType, TargetType
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import ModelInfo, Predictions, RowSource
from datarobot_drum.drum.prediction.lane.short_calls import (
    Call,
    CallTimes,
    NotShortError,
)
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.arrow import ARROW_STREAM
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.gated import GatedModel
from tests.unit.prediction.payload.bombs import stream

LONG = 1000.0


class Doubling(GatedModel):
    """Doubles a column, and remembers in which thread and with how many rows it was called."""

    def __init__(self, **info: Any) -> None:
        super().__init__()
        self.gate.set()
        self.info = ModelInfo(
            "/code",
            TargetType.REGRESSION,
            RunLanguage.PYTHON,
            **{"framework": "scikit-learn", "batchable": True, "own_code": True, **info},
        )
        self.calls: list[tuple[int, int]] = []

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        self.calls.append((threading.get_ident(), len(frame)))
        assert self.gate.wait(30)
        if (frame["a"] < 0).any():
            raise ValueError("below zero")
        return Predictions(frame[["a"]].to_numpy() * 2.0, ("Predictions",))

    @property
    def on_the_loop(self) -> list[bool]:
        return [thread == threading.get_ident() for thread, _rows in self.calls]


@pytest.fixture
def services() -> Iterator[list[PredictionService]]:
    made: list[PredictionService] = []
    yield made
    for service in made:
        service.close()


def serve(services: list[PredictionService], model: Doubling, **settings: Any) -> PredictionService:
    wanted = {"server_type": ServerType.FASTAPI, "short_call": LONG, **settings}
    service = PredictionService(model, ServiceSettings(**wanted))
    services.append(service)
    return service


async def ask(service: PredictionService, number: int) -> PredictResponse:
    request = PredictRequest(f"a\n{number}\n".encode(), "text/csv")
    return await service.answer_async(Operation.PREDICT, request)


def predicted(answer: PredictResponse) -> list[float]:
    assert isinstance(answer.body, bytes)
    found: list[float] = json.loads(answer.body)["predictions"]
    return found


async def ask_in_turn(service: PredictionService, count: int) -> list[float]:
    return [predicted(await ask(service, number))[0] for number in range(count)]


def test_the_first_call_has_a_thread_and_those_like_it_have_none(
    services: list[PredictionService],
) -> None:
    model = Doubling()
    assert asyncio.run(ask_in_turn(serve(services, model), 4)) == [0, 2, 4, 6]
    assert model.on_the_loop == [False, True, True, True]


@pytest.mark.parametrize(
    ("info", "settings"),
    [
        ({}, {"short_call": 1e-12}),
        ({}, {"short_call": 0.0}),
        ({}, {"server_type": ServerType.FLASK}),
        ({"own_code": False}, {}),
    ],
    ids=["long calls", "turned off", "no event loop", "code of the user's"],
)
def test_every_other_call_has_a_thread(
    services: list[PredictionService], info: dict[str, Any], settings: dict[str, Any]
) -> None:
    model = Doubling(**info)
    assert asyncio.run(ask_in_turn(serve(services, model, **settings), 3)) == [0, 2, 4]
    assert not any(model.on_the_loop)


def test_what_arrives_together_shares_a_call(services: list[PredictionService]) -> None:
    model = Doubling()
    service = serve(services, model)

    async def ask_together() -> list[float]:
        await ask(service, 0)
        answers = await asyncio.gather(*(ask(service, number) for number in range(5)))
        return [predicted(answer)[0] for answer in answers]

    assert asyncio.run(ask_together()) == [0, 2, 4, 6, 8]
    assert model.calls[1:] == [(threading.get_ident(), 5)]


@pytest.mark.parametrize(("in_flight", "calls"), [(1, 3), (0, 1), (3, 1)])
def test_only_a_request_that_is_known_to_be_alone_goes_ahead(
    services: list[PredictionService], in_flight: int, calls: int
) -> None:
    model = Doubling()
    service = serve(services, model)
    service.in_flight = lambda: in_flight

    async def ask_together() -> None:
        await ask(service, 0)
        model.calls.clear()
        await asyncio.gather(*(ask(service, number) for number in range(3)))

    asyncio.run(ask_together())
    assert len(model.calls) == calls
    assert all(model.on_the_loop)


def test_without_merging_each_has_its_own_call(services: list[PredictionService]) -> None:
    model = Doubling()
    service = serve(services, model, batching=False)

    async def ask_together() -> list[float]:
        await ask(service, 0)
        answers = await asyncio.gather(*(ask(service, number) for number in range(3)))
        return [predicted(answer)[0] for answer in answers]

    assert asyncio.run(ask_together()) == [0, 2, 4]
    assert [rows for _thread, rows in model.calls] == [1, 1, 1, 1]


def test_bad_rows_fail_alone(services: list[PredictionService]) -> None:
    service = serve(services, Doubling())

    async def ask_together() -> list[PredictResponse]:
        await ask(service, 0)
        return await asyncio.gather(*(ask(service, number) for number in (1, -1, 3)))

    good, bad, other = asyncio.run(ask_together())
    assert (predicted(good), predicted(other)) == ([2], [6])
    assert (bad.status, bad.body) == (500, b'{"message":"ERROR: below zero"}\n')


def test_a_busy_model_gets_one_call_at_a_time(services: list[PredictionService]) -> None:
    model = Doubling()
    service = serve(services, model)

    async def ask_while_busy() -> list[float]:
        await ask(service, 0)
        # Of another size: nothing is known of it but that it may be long.
        service._times.observe(2**20, LONG * 2)
        model.gate.clear()
        body = b"a\n" + b"7\n" * 2**19
        slow = asyncio.create_task(
            service.answer_async(Operation.PREDICT, PredictRequest(body, "text/csv"))
        )
        while len(model.calls) < 2:
            await asyncio.sleep(0.01)
        quick = asyncio.create_task(ask(service, 4))
        await asyncio.sleep(0.05)
        assert len(model.calls) == 2
        assert not quick.done()
        model.gate.set()
        return [predicted(await task)[0] for task in (slow, quick)]

    assert asyncio.run(ask_while_busy()) == [14, 8]
    assert model.on_the_loop == [False, False, False]


def test_a_caller_that_is_cancelled_costs_the_others_nothing(
    services: list[PredictionService],
) -> None:
    model = Doubling()
    service = serve(services, model)

    async def cancel_one() -> list[float]:
        await ask(service, 0)
        tasks = [asyncio.create_task(ask(service, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        return [predicted(await tasks[i])[0] for i in (0, 2)]

    assert asyncio.run(cancel_one()) == [2, 6]


@pytest.mark.parametrize("in_flight", [0, 1])
def test_a_defect_costs_its_own_request(
    services: list[PredictionService], monkeypatch: pytest.MonkeyPatch, in_flight: int
) -> None:
    service = serve(services, Doubling())
    service.in_flight = lambda: in_flight

    def fail(_jobs: object, _limit: float) -> None:
        raise RuntimeError("a defect")

    async def ask_twice() -> list[int]:
        await ask(service, 0)
        with monkeypatch.context() as patched:
            patched.setattr(service._short_calls, "_process", fail)
            broken = await ask(service, 1)
        return [broken.status, (await ask(service, 2)).status]

    assert asyncio.run(ask_twice()) == [500, 200]


# -- small bodies that become much


async def ask_arrow(service: PredictionService, rows: int) -> PredictResponse:
    return await service.answer_async(
        Operation.PREDICT, PredictRequest(stream(pa.nulls(rows)), ARROW_STREAM)
    )


@pytest.mark.parametrize("in_flight", [0, 1])
def test_a_small_body_that_becomes_much_has_a_thread(
    services: list[PredictionService], in_flight: int
) -> None:
    model = Doubling()
    service = serve(services, model)
    service.in_flight = lambda: in_flight

    async def ask_in_turn() -> list[int]:
        answers = [await ask_arrow(service, rows) for rows in (1, 1, 500_000, 1)]
        return [len(predicted(answer)) for answer in answers]

    assert asyncio.run(ask_in_turn()) == [1, 1, 500_000, 1]
    assert model.on_the_loop == [False, True, False, True]


@pytest.mark.parametrize("in_flight", [0, 1])
def test_what_is_too_much_is_refused_wherever_it_is_read(
    services: list[PredictionService], in_flight: int
) -> None:
    model = Doubling()
    service = serve(services, model)
    service.in_flight = lambda: in_flight

    async def ask_in_turn() -> list[int]:
        return [(await ask_arrow(service, rows)).status for rows in (1, 20_000_000, 20_000_000, 1)]

    assert asyncio.run(ask_in_turn()) == [200, 413, 413, 200]
    assert [rows for _thread, rows in model.calls] == [1, 1]


def test_calls_are_judged_by_what_is_read_where_that_is_more() -> None:
    times = CallTimes()
    call = Call(times)
    call.add(1_000_000)
    call.observe(200, 5.0)
    times.observe(200, 0.001)
    assert times.expected(200) == 0.001
    short = Call(times, 0.01)
    short.add(200)
    with pytest.raises(NotShortError):
        short.add(1_000_000)
    # What was not made tells nothing.
    short.observe(200, 9.0)
    assert times.expected(200) == 0.001


# -- what is expected of a call


def test_nothing_is_known_before_the_first_call() -> None:
    assert CallTimes().expected(100) == inf


def test_a_larger_body_may_take_longer_in_proportion() -> None:
    times = CallTimes()
    times.observe(100, 1.0)
    assert times.expected(90) == 1.0
    assert times.expected(10) == 1.0
    assert times.expected(100 * 8) == 8.0
    times.observe(800, 1.5)
    assert times.expected(800) == 1.5
    assert times.expected(1600) == 3.0


def test_a_long_call_counts_at_once_and_is_forgotten_slowly() -> None:
    times = CallTimes()
    times.observe(100, 1.0)
    times.observe(100, 5.0)
    assert times.expected(100) == 5.0
    times.observe(100, 1.0)
    assert 1.0 < times.expected(100) < 5.0
    for _ in range(100):
        times.observe(100, 1.0)
    np.testing.assert_allclose(times.expected(100), 1.0)
