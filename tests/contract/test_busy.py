"""A busy model: one call at a time, status routes that never wait, limits of waiting.

The model is held by a file: it runs until the test makes the file ``go``.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from datarobot_drum import __version__
from tests.contract.clients import Answer, Calls
from tests.contract.folders import Folders
from tests.contract.fronts import Serve

PATIENCE = 60


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds the model for as long as the test runs."""
    yield tmp_path
    (tmp_path / "go").touch()


def held_rows(folder: Path, value: int = 1) -> str:
    return f"out:Predictions,do\n{value},score:hold {folder}\n"


@contextmanager
def busy_model(client: Calls, pool: ThreadPoolExecutor, folder: Path) -> Iterator[Future[Answer]]:
    """The model is inside a call while the block runs."""
    running = pool.submit(client.predict, held_rows(folder))
    until(lambda: any(folder.glob("started-*")) or running.done())
    assert not running.done(), running.result()
    yield running


def until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def go(folder: Path) -> None:
    (folder / "go").touch()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ping/",
        "/livez",
        "/health/",
        "/readyz",
        "/info/",
        "/capabilities/",
        "/stats/",
        "/metrics",
    ],
)
def test_decision_09_status_routes_answer_while_the_model_is_busy(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path, path: str
) -> None:
    client = serve(folders.echo_of("regression"))
    with busy_model(client, pool, held) as running:
        assert client.get(path).status == 200
        assert not running.done()
        go(held)
        assert running.result(PATIENCE).predictions == [1]


def test_decision_09_status_routes_answer_while_many_wait(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path
) -> None:
    client = serve(folders.echo_of("regression"))
    with busy_model(client, pool, held) as running:
        waiting = [pool.submit(client.predict, "out:Predictions\n2\n") for _ in range(8)]
        assert client.get("/ping/").status == 200
        assert client.get("/info/").status == 200
        assert not any(future.done() for future in waiting)
        go(held)
        assert running.result(PATIENCE).predictions == [1]
        assert [future.result(PATIENCE).predictions for future in waiting] == [[2]] * 8


def test_decision_09_the_model_gets_one_call_at_a_time(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path
) -> None:
    client = serve(folders.echo_of("regression"))
    with busy_model(client, pool, held) as running:
        others = [pool.submit(client.predict, held_rows(held, i)) for i in range(6)]
        for _ in range(20):
            assert client.get("/livez").status == 200
        # The others have had their chance to get in.
        assert len(list(held.glob("started-*"))) == 1
        go(held)
        for future in (running, *others):
            assert future.result(PATIENCE).status == 200
    assert len(list(held.glob("ended-*"))) == 7


def test_answers_go_to_those_who_asked(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor
) -> None:
    client = serve(folders.echo_of("regression"))
    asked = {i: pool.submit(client.predict, f"out:Predictions\n{i}\n") for i in range(100)}
    assert {i: future.result(PATIENCE).predictions for i, future in asked.items()} == {
        i: [i] for i in asked
    }


def test_answers_of_an_artifact_go_to_those_who_asked(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor
) -> None:
    client = serve(folders.regression)
    good = [
        "a,b\n" + "".join(f"{i + row / 7},{row}\n" for row in range(i % 5 + 1)) for i in range(60)
    ]
    bad = ["a,c\n1,2\n", "a,b\nx,1\n", "a,b\n1,2,3\n4,5,6,7\n", ""]
    alone = {rows: client.predict(rows) for rows in (*good, *bad)}
    together = {rows: pool.submit(client.predict, rows) for rows in alone}
    for rows, future in together.items():
        answer = future.result(PATIENCE)
        assert (answer.status, answer.body) == (alone[rows].status, alone[rows].body)
    assert [alone[rows].status for rows in bad] == [422, 422, 422, 422]


def test_decision_22_slow_prediction_answers_504(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path
) -> None:
    folder = folders.echo_of("regression").with_params(DRUM_CLIENT_REQUEST_TIMEOUT="1")
    client = serve(folder)
    with busy_model(client, pool, held) as running:
        answer = running.result(PATIENCE)
    assert answer.status == 504
    assert answer.headers["Content-Type"] == "application/json"
    assert "DRUM_CLIENT_REQUEST_TIMEOUT" in answer.message
    assert answer.message.startswith("ERROR: ")
    assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"]
    assert answer.headers["X-Drum-Version"] == __version__
    assert client.get("/ping/").status == 200
    go(held)
    assert next_prediction(client).predictions == [2]


def next_prediction(client: Calls) -> Answer:
    """A good answer, as soon as the model is free again."""
    for attempt in itertools.count():
        answer = client.predict("out:Predictions\n2\n")
        if answer.status == 200 or attempt == 50:
            return answer
    raise AssertionError


def test_full_queue_answers_503_at_once(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path
) -> None:
    folder = folders.echo_of("regression").with_params(DRUM_EXECUTOR_QUEUE_DEPTH="1")
    client = serve(folder)
    with busy_model(client, pool, held) as running:
        others = [pool.submit(client.predict, "out:Predictions\n2\n") for _ in range(4)]
        until(lambda: sum(future.done() for future in others) == 3)
        refused = [future.result() for future in others if future.done()]
        for answer in refused:
            assert answer.status == 503
            assert answer.message.startswith("ERROR: ")
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["X-Drum-Version"] == __version__
        assert client.get("/readyz").status == 200
        go(held)
        assert running.result(PATIENCE).predictions == [1]
        assert sorted(future.result(PATIENCE).status for future in others) == [200, 503, 503, 503]


def test_waiting_longer_than_the_queue_timeout_answers_503(
    serve: Serve, folders: Folders, pool: ThreadPoolExecutor, held: Path
) -> None:
    folder = folders.echo_of("regression").with_params(DRUM_EXECUTOR_QUEUE_TIMEOUT="0.2")
    client = serve(folder)
    with busy_model(client, pool, held) as running:
        waiting = pool.submit(client.predict, "out:Predictions\n2\n")
        done, _ = wait([running, waiting], PATIENCE, FIRST_COMPLETED)
        # It is told at once, not when the model is free again.
        assert done == {waiting}
        answer = waiting.result()
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        go(held)
        assert running.result(PATIENCE).predictions == [1]
        assert client.predict("out:Predictions\n2\n").predictions == [2]
