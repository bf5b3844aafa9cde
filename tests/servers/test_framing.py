"""Where a request ends, and what its head may hold: one table of bytes for all servers, each of
which answers it alike, counts it and logs it in one line.
"""

from __future__ import annotations

import ast
import json
import re
import socket
from collections.abc import Iterator
from typing import Final

import pytest

from tests.servers.harness import SERVER_TYPES, Server, eventually, running_server

pytestmark = pytest.mark.servers

CUSTOM: Final = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [1.5] * len(data)})
"""
# A layer around the application that fails.
FLASK: Final = """
def init_app(app):
    inner = app.wsgi_app

    def layer(environ, start_response):
        if environ["PATH_INFO"] == "/broken":
            raise ValueError("out of order")
        return inner(environ, start_response)

    app.wsgi_app = layer
"""
FASTAPI: Final = """
class Layer:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope.get("path") == "/broken":
            raise ValueError("out of order")
        await self.app(scope, receive, send)


def init_app(app):
    app.add_middleware(Layer)
"""
POST: Final = b"POST /predict/ HTTP/1.1\r\n"
BASE: Final = b"Host: x\r\nConnection: close\r\n"
CSV: Final = b"Content-Type: text/csv\r\n"
LENGTH: Final = b"Content-Length: 4\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
ROWS: Final = b"a\n1\n"
CHUNKS: Final = b"4\r\na\n1\n\r\n0\r\n\r\n"


def post(*headers: bytes, body: bytes = ROWS, line: bytes = POST) -> bytes:
    return line + BASE + CSV + b"".join(headers) + b"\r\n" + body


def get(*headers: bytes, line: bytes = b"GET /ping/ HTTP/1.1\r\n") -> bytes:
    return line + BASE + b"".join(headers) + b"\r\n"


# As Java's client sends it with its first request.
OFFER: Final = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
)

WEBSOCKET: Final = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
# Without the one of BASE.
NO_HOST: Final = b"Connection: close\r\n\r\n"
AUTHORIZATION: Final = b"Authorization: Bearer a\r\n"

TAKEN: Final = {
    "a length": post(LENGTH),
    "a length with zeros": post(b"Content-Length: 04\r\n"),
    "chunks": post(CHUNKED, body=CHUNKS),
    "chunks in capitals": post(b"Transfer-Encoding: Chunked\r\n", body=CHUNKS),
    "a chunk's extension": post(CHUNKED, body=b"4;a=b\r\na\n1\n\r\n0\r\n\r\n"),
    "a trailer": post(CHUNKED, body=b"4\r\na\n1\n\r\n0\r\nA: b\r\n\r\n"),
    "an underscore is another name": post(LENGTH, b"Transfer_Encoding: chunked\r\n"),
    "an offer of HTTP/2": post(OFFER, LENGTH),
    "an offer of HTTP/2 and chunks": post(CHUNKED, OFFER, body=CHUNKS),
    "an offer of HTTP/2 without a body": get(OFFER),
    "an offer of a websocket": get(WEBSOCKET),
    "an offer of a websocket and a body": post(WEBSOCKET, LENGTH),
    "a hundred headers": get(*(b"X-%d: y\r\n" % i for i in range(98))),
    "a long extension": post(CHUNKED, body=b"4;a=" + b"b" * 4000 + b"\r\na\n1\n\r\n0\r\n\r\n"),
    "no host in HTTP/1.0": b"GET /ping/ HTTP/1.0\r\n" + NO_HOST,
    "a line end in front": b"\r\n" + get(),
    "Latin-1": get(b"X: \xff\xfe\r\n"),
    "an empty value": get(b"X:\r\n"),
    "HTTP/1.0": get(line=b"GET /ping/ HTTP/1.0\r\n"),
    "a whole URL": get(line=b"GET http://other/ping/ HTTP/1.1\r\n"),
}
REFUSED: Final = {
    "a coding and a length": post(CHUNKED, LENGTH, body=CHUNKS),
    "a length and a coding": post(LENGTH, CHUNKED, body=CHUNKS),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", body=CHUNKS),
    "two codings": post(CHUNKED, CHUNKED, body=CHUNKS),
    "identity": post(b"Transfer-Encoding: identity\r\n", LENGTH),
    "an unknown coding": post(b"Transfer-Encoding: x\r\n", body=CHUNKS),
    "a coding behind a control": post(b"Transfer-Encoding: \x0bchunked\r\n", body=CHUNKS),
    "a coding with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", body=CHUNKS),
    "a coding in HTTP/1.0": post(CHUNKED, body=CHUNKS, line=POST.replace(b"1.1", b"1.0")),
    "two equal lengths": post(LENGTH, LENGTH),
    "two lengths": post(LENGTH, b"Content-Length: 5\r\n"),
    "a list of lengths": post(b"Content-Length: 4, 4\r\n"),
    "a length with a sign": post(b"Content-Length: +4\r\n"),
    "a negative length": post(b"Content-Length: -4\r\n"),
    "a hexadecimal length": post(b"Content-Length: 0x4\r\n"),
    "a length with an underscore": post(b"Content-Length: 0_4\r\n"),
    "a raised length": post(b"Content-Length: \xb2\r\n"),
    "a length and more": post(b"Content-Length: 4;\r\n"),
    "no length": post(b"Content-Length: \r\n", body=b""),
    "a blank before the colon": post(b"Content-Length : 4\r\n"),
    "a tab before the colon": get(b"X\t: 4\r\n"),
    "no colon": get(b"no colon\r\n"),
    "no name": get(b": x\r\n"),
    "a blank in a name": get(b"Spa ce: x\r\n"),
    "a bracket in a name": get(b"X(: x\r\n"),
    "a name that is not ASCII": get(b"X\xff: x\r\n"),
    "a folded value": get(b"X: a\r\n b\r\n"),
    "a blank in front": get(b" folded: x\r\n"),
    "NUL in a value": get(b"X: a\x00b\r\n"),
    "an escape in a value": get(b"X: a\x1b[31mb\r\n"),
    "DEL in a value": get(b"X: a\x7fb\r\n"),
    "a lone CR in a value": get(b"X: a\rb\r\n"),
    "two hosts": get(b"Host: y\r\n"),
    "two equal hosts": get(b"Host: x\r\n"),
    "two hosts where there is no route": get(b"Host: y\r\n", line=b"GET /nowhere HTTP/1.1\r\n"),
    "no host": b"GET /ping/ HTTP/1.1\r\n" + NO_HOST,
    "no host beside a whole URL": b"GET http://x/ping/ HTTP/1.1\r\n" + NO_HOST,
    "two equal authorizations": get(AUTHORIZATION, AUTHORIZATION),
    "two authorizations": post(AUTHORIZATION, b"authorization: Basic YTpi\r\n", LENGTH),
    "a tunnel": get(line=b"CONNECT x:443 HTTP/1.1\r\n"),
    "a tunnel at a path": get(line=b"CONNECT /ping/ HTTP/1.1\r\n"),
    "an endless extension": post(CHUNKED, body=b"4;a=" + b"b" * 60_000 + b"\r\n" + CHUNKS[3:]),
    "two content types": post(LENGTH, b"Content-Type: application/json\r\n"),
    "HTTP/2": get(line=b"GET /ping/ HTTP/2.0\r\n"),
    "HTTP/1.2": get(line=b"GET /ping/ HTTP/1.2\r\n"),
    "HTTP/0.9": get(line=b"GET /ping/ HTTP/0.9\r\n"),
    "no version": get(line=b"GET /ping/\r\n"),
    "a version in two digits": get(line=b"GET /ping/ HTTP/1.11\r\n"),
    "a version in small letters": get(line=b"GET /ping/ http/1.1\r\n"),
    "tabs in the line": get(line=b"GET\t/ping/\tHTTP/1.1\r\n"),
    "a blank behind the line": get(line=b"GET /ping/ HTTP/1.1 \r\n"),
    "a blank before the line": get(line=b" GET /ping/ HTTP/1.1\r\n"),
    "four words": get(line=b"GET /ping/ x HTTP/1.1\r\n"),
    "a method in small letters": get(line=b"get /ping/ HTTP/1.1\r\n"),
    "a bracket in the method": get(line=b"G(T /ping/ HTTP/1.1\r\n"),
    "a long method": get(line=b"M" * 300 + b" /ping/ HTTP/1.1\r\n"),
    "an escape in the path": get(line=b"GET /a\x1b[31mb HTTP/1.1\r\n"),
    "NUL in the path": get(line=b"GET /a\x00b HTTP/1.1\r\n"),
    "a path that is not ASCII": get(line=b"GET /\xff\xfe HTTP/1.1\r\n"),
    "a path without a slash": get(line=b"GET ping HTTP/1.1\r\n"),
    "a host that is none": get(line=b"GET http://[::1 HTTP/1.1\r\n"),
    "nonsense": b"nonsense \x1b[2J\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no size": post(CHUNKED, body=b"zz\r\n"),
    "a negative size": post(CHUNKED, body=b"-1\r\n\r\n"),
    "a size with a prefix": post(CHUNKED, body=b"0x4\r\na\n1\n\r\n0\r\n\r\n"),
    "a blank behind a size": post(CHUNKED, body=b"4 \r\na\n1\n\r\n0\r\n\r\n"),
    "a chunk longer than its size": post(CHUNKED, body=b"4\r\na\n1\nxx\r\n0\r\n\r\n"),
    "a lone LF in an extension": post(CHUNKED, body=b"4;a\nb\r\na\n1\n\r\n0\r\n\r\n"),
    "a trailer without a colon": post(CHUNKED, body=b"4\r\na\n1\n\r\n0\r\nno colon\r\n\r\n"),
}
# What is refused with a status of its own.
REFUSED_OTHERWISE: Final = {
    "many headers": (431, get(*(b"X-%d: y\r\n" % i for i in range(5000)))),
    "a header too many": (431, get(*(b"X-%d: y\r\n" % i for i in range(99)))),
    "a long URL": (414, get(line=b"GET /ping/?" + b"q" * 9000 + b" HTTP/1.1\r\n")),
    "a very long URL": (414, get(line=b"GET /ping/?" + b"q" * 70_000 + b" HTTP/1.1\r\n")),
    "a strange expectation": (417, post(b"Expect: the-worst\r\n", LENGTH)),
}
TWO_TYPES: Final = b"Accept: application/json\r\nAccept: text/csv\r\n"
LINE: Final = re.compile(
    r'127\.0\.0\.1 - - \[[^]]+\] (?P<line>"(?:[^"\\]|\\.)*") (?P<status>\d{3}) \d+'
    r' (?P<referer>"(?:[^"\\]|\\.)*") (?P<agent>"(?:[^"\\]|\\.)*") \d+\.\d{6}'
    r" \{'request_id': '(?P<id>[\x21-\x7e]+)'\}"
)


@pytest.fixture(scope="module", params=SERVER_TYPES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "custom.py").write_text(CUSTOM)
    (folder / "custom_flask.py").write_text(FLASK)
    (folder / "custom_fastapi.py").write_text(FASTAPI)
    with running_server(folder, request.param, "--target-type", "regression") as started:
        yield started


def ask(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the one answer."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(sent)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            # The server need not hear what it refuses to its end.
            assert answer
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize("name", TAKEN)
def test_taken(server: Server, name: str) -> None:
    assert ask(server, TAKEN[name])[0] == 200


@pytest.mark.parametrize("name", REFUSED)
def test_refused(server: Server, name: str) -> None:
    assert_refused(ask(server, REFUSED[name]), 400)


@pytest.mark.parametrize("name", REFUSED_OTHERWISE)
def test_refused_otherwise(server: Server, name: str) -> None:
    status, sent = REFUSED_OTHERWISE[name]
    assert_refused(ask(server, sent), status)


def assert_refused(answer: tuple[int, dict[str, str], bytes], wanted: int) -> None:
    status, headers, body = answer
    assert status == wanted
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["message"].startswith("ERROR: ")
    assert headers["x-request-id"] == headers["x_request_id"]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (
            TWO_TYPES,
            b"Accept: application/json,text/csv\r\n",
        ),
        (
            b"Accept: text/csv\r\nAccept: application/json\r\n",
            b"Accept: text/csv,application/json\r\n",
        ),
    ],
)
def test_headers_of_one_name_are_one(server: Server, headers: bytes, wanted: bytes) -> None:
    _, several, _ = ask(server, post(LENGTH, headers))
    _, one, _ = ask(server, post(LENGTH, wanted))
    assert several["content-type"] == one["content-type"]


def test_ids_of_one_request_are_one(server: Server) -> None:
    _, headers, _ = ask(server, get(b"X-Request-Id: one\r\nX-Request-Id: two\r\n"))
    assert headers["x-request-id"] == "one,two"


@pytest.mark.parametrize("before", [1, 3])
def test_what_stands_before_garbage_is_answered_first(server: Server, before: int) -> None:
    request = b"GET /info/ HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(request * before + b"no request\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    statuses = re.findall(rb"^HTTP/1\.1 (\d+)", answers, re.MULTILINE)
    # Some servers answer one request of a connection, and close it.
    assert statuses in ([b"200"], [*[b"200"] * before, b"400"])
    assert b"fastapi" not in answers or len(statuses) == before + 1


def test_two_content_types_beside_two_of_another_are_refused(server: Server) -> None:
    assert ask(server, post(LENGTH, b"Content-Type: text/csv\r\n", TWO_TYPES))[0] == 400


def test_what_is_refused_is_counted_and_logged_in_one_line_as_all_else_is(server: Server) -> None:
    agent = b'User-Agent: \\" 200 1 \xff\r\nReferer: \\\r\n'
    ids = [ask(server, sent)[1]["x-request-id"] for sent in (*REFUSED.values(), get(agent))]
    eventually(lambda: all(known in server.stdout() for known in ids))
    lines = {found["id"]: found for found in map(parsed, server.stdout().splitlines())}

    assert [lines[known]["status"] for known in ids] == ["400"] * len(REFUSED) + ["200"]
    assert lines[ids[-1]]["agent"].encode("latin-1") == b'\\" 200 1 \xff'
    assert lines[ids[-1]]["referer"] == "\\"
    assert all(line.isprintable() for line in server.stderr().split("\n"))
    told = [line for line in server.stderr().splitlines() if "Invalid " in line]
    assert any(known in line for line in told for known in ids)
    for line in told:
        assert re.search(r"Invalid request from \S+: \S.* {'request_id': '\S+'}$", line), line
    counted = server.get("/metrics")[1].decode()
    total = re.search(
        r'drum_requests_total\{endpoint="other",method="other",status="400"\} (\S+)', counted
    )
    # Chunks are refused by the application, under their route.
    assert total is not None and float(total[1]) >= len(REFUSED) - 10


def test_what_fails_around_the_application_is_answered_as_all_else_is(server: Server) -> None:
    sent = get(b"X-Request-Id: mine\r\n", line=b"GET /broken HTTP/1.1\r\n")
    status, headers, body = ask(server, sent)

    assert (status, headers["x-request-id"]) == (500, "mine")
    assert json.loads(body) == {"message": "ERROR: out of order"}
    assert headers["x-drum-version"]
    eventually(lambda: '"GET /broken HTTP/1.1" 500 ' in server.stdout())
    assert "out of order (at " in server.stderr()


def parsed(line: str) -> dict[str, str]:
    found = LINE.fullmatch(line)
    assert found is not None, line
    fields = found.groupdict()
    return fields | {name: ast.literal_eval(fields[name]) for name in ("line", "referer", "agent")}
