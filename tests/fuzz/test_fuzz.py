"""A small part of `scripts/fuzz`, in every run of the tests."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.fuzz import STATUS, SUBJECTS, fuzz, judge, send, serving
from tests.fuzz.malformed import KINDS, malformed
from tests.fuzz.seed import repeat_with, seed
from tests.fuzz.well_formed import CSV, request
from tests.servers.harness import SERVER_TYPES, Server

# Of each server; `scripts/fuzz` sends more.
COUNT = 200


@pytest.mark.servers
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_malformed_requests_do_no_harm(server_type: str):
    report = fuzz(server_type, count=COUNT, seed=seed())
    assert report.wrong == [], repeat_with()
    assert report.answers.total() == COUNT
    # Some are not malformed enough; without them the others would prove little.
    assert report.answers[200] > 0
    assert report.answers[422] > 0


HARMFUL = {
    "a target that is no address": b"POST http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a chunk that is never sent": request(
        b"/predict/", b"fffffffffff\r\na,b\n", b"", b"Transfer-Encoding: chunked", length=None
    ),
    "an endless list of names": request(b"/predict/", b"a," * 20_000 + b"\n1\n"),
}


@pytest.fixture(scope="module", params=SERVER_TYPES)
def server(request: pytest.FixtureRequest):
    with serving(SUBJECTS[0], request.param) as server:
        yield server


@pytest.mark.servers
@pytest.mark.parametrize("data", HARMFUL.values(), ids=HARMFUL)
def test_what_once_did_harm(server: Server, data: bytes):
    answer = send(server.port, data)
    assert not answer or STATUS.findall(answer) in ([b"400"], [b"422"])
    assert judge(answer) is None
    assert server.post("/predict/", CSV) == (200, b'{"predictions":[1.5,1.5]}')
    assert "Traceback" not in server.stderr()


def test_a_seed_makes_the_same_requests():
    first, second = Random(3), Random(3)
    pairs = [(malformed(first), malformed(second)) for _ in range(300)]
    for one, other in pairs:
        assert (one.kind, len(one.data)) == (other.kind, len(other.data))
    # A few tables differ in what pyarrow pads them with, which it leaves as it finds it.
    assert sum(one != other for one, other in pairs) < 10


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_every_kind_varies(make):
    random = Random(1)
    assert len({make(random) for _ in range(30)}) > 5


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 422 Unprocessable\r\n\r\n{}", None),
        (b"", None),
        (b"HTTP/1.1 501 Not Implemented\r\n\r\n", "status 501"),
        (b"HTTP/1.1 500 Internal\r\n\r\n{}", "status 500"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\n\r\n", "status 503"),
        (b"HTTP/1.1 422 x\r\n\r\nTraceback (most recent call last)", "it tells"),
    ],
)
def test_the_judge(answer: bytes, complaint: str | None):
    verdict = judge(answer)
    assert (verdict is None) == (complaint is None)
    assert verdict is None or verdict.startswith(complaint or "")
