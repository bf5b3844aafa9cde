"""The bytes of bodies that a process holds: the rules, and both applications under them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import OverloadedError
from datarobot_drum.drum.knobs.serving import HttpSettings
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.serving.budget import FREE, BodyBudget, Share
from tests.contract.clients import file_part
from tests.unit.serving.fronts import FRONTS, front

LIMIT = 10 * FREE


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    metrics = Metrics()
    yield metrics
    metrics.close()


def budget_of(limit: int | None) -> BodyBudget:
    return BodyBudget(limit, Metrics())


def test_what_arrives_counts_and_what_has_left_does_not(metrics: Metrics) -> None:
    budget = BodyBudget(LIMIT, metrics)
    with Share(budget) as share:
        for size in (FREE + 1, 3 * FREE, 2 * FREE):
            share.resize(size)
            assert budget.taken == size == metrics.executor_figures()["body_bytes"]
    assert budget.taken == 0 == metrics.executor_figures()["body_bytes"]


@given(st.integers(0, 3 * LIMIT), st.lists(st.integers(0, FREE), max_size=50))
def test_small_bodies_are_never_refused(large: int, small: list[int]) -> None:
    budget = budget_of(LIMIT)
    Share(budget).resize(large)
    before = budget.taken
    for size in small:
        budget.check_announced(str(size))
        Share(budget).resize(size)
    assert budget.taken == before


def test_who_is_refused_gives_everything_back_and_stays_refused(metrics: Metrics) -> None:
    budget = BodyBudget(LIMIT, metrics)
    first, second = Share(budget), Share(budget)
    first.resize(LIMIT // 2)
    second.resize(LIMIT // 2)
    with pytest.raises(OverloadedError):
        second.resize(LIMIT // 2 + 1)
    assert budget.taken == LIMIT // 2
    first.resize(LIMIT)
    first.give_back()
    with pytest.raises(OverloadedError):
        second.resize(LIMIT // 2 + 2)
    assert (budget.taken, metrics.executor_figures()["body_budget"]) == (0, 1)


def test_the_only_body_may_be_as_large_as_it_likes() -> None:
    budget = budget_of(LIMIT)
    share = Share(budget)
    budget.check_announced(str(5 * LIMIT))
    share.resize(5 * LIMIT)
    with pytest.raises(OverloadedError):
        Share(budget).resize(FREE + 1)
    share.resize(6 * LIMIT)


def test_an_announcement_is_looked_at_and_takes_nothing() -> None:
    budget = budget_of(LIMIT)
    share = Share(budget)
    share.resize(LIMIT // 2)
    with pytest.raises(OverloadedError):
        budget.check_announced(str(LIMIT // 2 + 1))
    for announced in ("", "no number", str(LIMIT // 2)):
        budget.check_announced(announced)
    assert budget.taken == LIMIT // 2


BODIES = st.lists(st.integers(0, 3 * LIMIT), min_size=1, max_size=8)


@given(BODIES, st.integers(FREE + 1, LIMIT), st.randoms(use_true_random=False))
def test_of_any_bodies_that_come_at_once_one_gets_through(
    sizes: list[int], step: int, order: Any
) -> None:
    budget = budget_of(LIMIT)
    shares = [Share(budget) for _ in sizes]
    arrived = [0] * len(sizes)
    coming = set(range(len(sizes)))
    refused: set[int] = set()
    while coming:
        body = order.choice(sorted(coming))
        size = min(arrived[body] + step, sizes[body])
        try:
            shares[body].resize(size)
            arrived[body] = size
        except OverloadedError:
            arrived[body] = 0
            refused.add(body)
        if body in refused or size == sizes[body]:
            coming.remove(body)
        counted = [size for size in arrived if size > FREE]
        assert budget.taken == sum(counted)
        assert budget.taken <= LIMIT or len(counted) == 1
    assert len(refused) < len(sizes)
    for share in shares:
        share.give_back()
    assert budget.taken == 0


def test_counting_from_many_threads_adds_up(metrics: Metrics) -> None:
    budget = BodyBudget(LIMIT, metrics)
    start = threading.Barrier(8)

    def run() -> None:
        start.wait(30)
        for _ in range(200):
            with Share(budget) as share:
                try:
                    for size in range(FREE, 4 * FREE, FREE // 2):
                        share.resize(size)
                except OverloadedError:
                    continue

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run) for _ in range(8)]:
            done.result(60)
    assert budget.taken == 0 == metrics.executor_figures()["body_bytes"]


# -- the applications

LARGE = b"a\n" + b"1\n" * FREE
HTTP = HttpSettings(body_budget=3 * len(LARGE) // 2)


def add_route(app: Any) -> None:
    """A route of an extension's that reads its body."""
    if hasattr(app, "add_url_rule"):
        app.add_url_rule(
            "/mine", view_func=lambda: str(len(flask.request.get_data())), methods=["POST"]
        )
    else:

        async def mine(request: Request) -> str:
            return str(len(await request.body()))

        app.post("/mine")(mine)


def add_middleware(app: Any) -> None:
    """What keeps fastapi's requests on the long way, through FastAPI's own layers."""
    add_route(app)
    if not hasattr(app, "add_url_rule"):

        async def untouched(request: Any, call_next: Callable[[Any], Any]) -> Any:
            return await call_next(request)

        app.middleware("http")(untouched)


@pytest.mark.parametrize("extend", [add_route, add_middleware])
@pytest.mark.parametrize("name", FRONTS)
def test_a_body_too_many_is_a_503_until_the_one_before_is_answered(
    name: str, extend: Callable[[Any], None]
) -> None:
    form = file_part("X", LARGE, "rows.csv")
    with (
        front(name, extend, http=HTTP) as (client, service, model),
        ThreadPoolExecutor(1) as pool,
    ):
        model.gate.clear()
        before = pool.submit(client.predict, LARGE)
        assert model.running.acquire(timeout=30)
        figures = json.loads(client.get("/stats/").body)["executor_info"]
        assert figures["body_bytes"] == len(LARGE)
        assert f"drum_body_bytes {len(LARGE)}.0" in client.get("/metrics").body.decode()
        for answer in (
            client.predict(LARGE),
            client.upload("/predict/", form),
            client.post("/predictUnstructured/", LARGE),
            client.post("/transform/", LARGE, "text/csv"),
            client.post("/v1/chat/completions", LARGE, "application/json"),
            client.post("/v2/models/model/infer", LARGE, "application/json"),
            client.post("/mine", LARGE),
        ):
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert b"no room for another request body" in answer.body
        assert client.post("/mine", b"a" * 100).status == 200
        assert client.get("/livez").status == 200
        model.gate.set()
        assert before.result(30).status == 200
        assert client.predict(LARGE).status == 200
        assert client.post("/mine", LARGE).body.strip(b'"') == str(len(LARGE)).encode()
        assert service.metrics.executor_figures()["body_bytes"] == 0
        assert service.metrics.executor_figures()["body_budget"] == 7


@pytest.mark.parametrize("name", FRONTS)
def test_an_idle_server_takes_a_body_larger_than_the_budget(name: str) -> None:
    with front(name, http=HttpSettings(body_budget=len(LARGE) // 4)) as (client, service, _):
        assert len(client.predict(LARGE).predictions) == FREE
        assert service.metrics.executor_figures()["body_bytes"] == 0
