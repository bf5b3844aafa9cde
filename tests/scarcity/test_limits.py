"""What the system limits, taken from a running server and given back."""

from __future__ import annotations

import http.client
import resource
import time

import pytest

from tests.scarcity.starving import (
    FORM,
    FORM_TYPE,
    GOOD,
    LARGE,
    ROWS,
    Starving,
    address_space,
    cpu_seconds,
    memory_group,
    read_answer,
)

pytestmark = pytest.mark.servers

NOT_ACCEPTED = "A connection could not be accepted, and waits: Too many open files"
REFUSED = "Requests are refused: "
KILLED = {"gunicorn": "{}) was sent SIGKILL", "fastapi": "process {} ended ("}
# All of these are taken, by any process: no other is below them.
FEWEST = 3


def test_without_descriptors_newcomers_wait_and_others_are_served(starving: Starving) -> None:
    starving.works()
    kept = [starving.connect() for _ in range(2)]
    # All of them have been accepted once a later one has its answer.
    starving.works()
    processes = starving.processes
    with starving.limited(resource.RLIMIT_NOFILE, FEWEST):
        waiting = [starving.start() for _ in range(3)]
        starving.wait_for_log(NOT_ACCEPTED)
        began = time.monotonic(), sum(map(cpu_seconds, processes))
        kept[0].request("GET", "/livez")
        kept[1].request("POST", "/predict/", GOOD, {"Content-Type": "text/csv"})
        for connection in kept:
            assert read_answer(connection).status == 200
            connection.close()
        # Several tries.
        time.sleep(1.5)
        used = sum(map(cpu_seconds, processes)) - began[1]
        assert used < (time.monotonic() - began[0]) / 2, "it waits busily"
        assert starving.logged(NOT_ACCEPTED) == 1
        assert not any(answer.done() for answer in waiting)
    assert [answer.result().status for answer in waiting] == [200, 200, 200]
    starving.works()


def test_without_descriptors_gunicorns_other_workers_wait_too(other_worker: Starving) -> None:
    other_worker.works()
    processes = other_worker.processes
    with other_worker.limited(resource.RLIMIT_NOFILE, FEWEST):
        waiting = other_worker.start()
        other_worker.wait_for_log(NOT_ACCEPTED)
        # Several tries.
        time.sleep(1.0)
        assert other_worker.logged(NOT_ACCEPTED) == 1
        assert other_worker.logged("Traceback") == 0
    assert waiting.result().status == 200
    other_worker.works()
    assert other_worker.processes == processes


def test_without_threads_requests_are_refused_or_served(stood_in: Starving) -> None:
    stood_in.works()
    with stood_in.stood_in("threads"):
        answers = [stood_in.start(b"a\n-1\n") for _ in range(16)]
        if stood_in.kind != "fastapi":
            stood_in.wait_for_log(f"{REFUSED}can't start new thread")
        stood_in.gate.touch()
        found = [answer.result() for answer in answers]
    refused = [answer for answer in found if answer.status != 200]
    assert bool(refused) == (stood_in.kind != "fastapi")
    for answer in refused:
        assert answer.status == 503
        assert answer.message.startswith("ERROR: The server has no thread")
        assert answer.headers["retry-after"] == "1"
    assert stood_in.logged("can't start new thread") == (1 if refused else 0)
    stood_in.gate.unlink()
    stood_in.works()


def test_a_form_that_may_not_become_a_file_is_refused(starving: Starving) -> None:
    assert starving.post(FORM, FORM_TYPE).status == 200
    with starving.limited(resource.RLIMIT_FSIZE, 1 << 20):
        for _ in range(2):
            answer = starving.post(FORM, FORM_TYPE)
            assert answer.status == 503
            assert answer.message.endswith("File too large. Try again later.")
        assert starving.post().status == 200
    assert starving.logged(f"{REFUSED}File too large") == 1
    assert starving.post(FORM, FORM_TYPE).body.count(b",") >= ROWS - 1
    starving.works()


def test_prints_that_no_file_can_take_cost_no_request(starving: Starving) -> None:
    with starving.limited(resource.RLIMIT_FSIZE, 1):
        for _ in range(3):
            assert starving.post(b"a\n-2\n").status == 200
    starving.works()
    assert starving.post(b"a\n-2\n").status == 200
    starving.wait_until(lambda: "x" * 100_000 in starving.server.stdout())


def test_without_memory_a_large_body_is_refused(starving: Starving) -> None:
    starving.works()
    large = LARGE * 8
    space = address_space(starving.serving) + (16 << 20)
    with starving.limited(resource.RLIMIT_AS, space):
        assert starving.post(large).status == 503
        assert starving.post().status == 200
    starving.works()


def test_a_worker_that_takes_more_than_its_group_may_have_is_replaced(starving: Starving) -> None:
    if starving.kind == "flask":
        pytest.skip("its only process is the one that was started")
    starving.works()
    victim = starving.serving
    with memory_group(victim, 64 << 20):
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            starving.post(b"a\n-3\n")
        starving.wait_until(lambda: victim not in starving.processes)
        starving.wait_for_log(KILLED[starving.kind].format(victim))
        starving.server.wait_until_alive()
    starving.wait_until(lambda: starving.server.workers())
    starving.works()
