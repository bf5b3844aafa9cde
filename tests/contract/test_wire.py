"""HTTP itself, on the three servers: what a client library never sends, and what a proxy might."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.contract.clients import SocketClient
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import SERVERS, Serve

pytestmark = [
    pytest.mark.servers,
    pytest.mark.parametrize("front", SERVERS, indirect=True, scope="module"),
]

ROWS = b"a,b\n1,2\n3.5,4\n"
HOST = b"Host: localhost\r\nConnection: close\r\n"
CSV = b"Content-Type: text/csv\r\n"


@contextmanager
def connected(serve: Serve, folder: Folder) -> Iterator[socket.socket]:
    client = serve(folder)
    assert isinstance(client, SocketClient)
    address = urlsplit(client.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port), 30) as connection:
        yield connection


def exchange(serve: Serve, folder: Folder, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; status, headers and body of the one answer."""
    with connected(serve, folder) as connection:
        connection.sendall(sent)
        return parsed(read_all(connection))


def read_all(connection: socket.socket) -> bytes:
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        return parsed(body)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        body = dechunked(body)
    return int(first.split(" ")[1]), headers, body


def dechunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        whole += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    return whole


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def good(status: int, body: bytes) -> bool:
    return status == 200 and len(json.loads(body)["predictions"]) == 2


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_chunked_body(serve: Serve, folders: Folders, size: int) -> None:
    head = b"POST /predict/ HTTP/1.1\r\n" + HOST + CSV + b"Transfer-Encoding: chunked\r\n\r\n"
    status, _, body = exchange(serve, folders.regression, head + chunked(ROWS, size))
    assert good(status, body)


@pytest.mark.parametrize("name", ["DRUM_MAX_UPLOAD_SIZE", "DRUM_FASTAPI_MAX_UPLOAD_SIZE"])
def test_chunked_body_over_the_limit(serve: Serve, folders: Folders, name: str) -> None:
    folder = folders.regression.with_params(**{name: "1000"})
    head = b"POST /predict/ HTTP/1.1\r\n" + HOST + CSV + b"Transfer-Encoding: chunked\r\n\r\n"
    status, headers, body = exchange(serve, folder, head + chunked(b"a,b\n" + b"1,2\n" * 400, 700))
    assert status == 413
    assert json.loads(body)["message"].startswith("ERROR: ")
    assert headers["x-request-id"] == headers["x_request_id"]


def test_client_that_waits_to_be_asked_for_the_body(serve: Serve, folders: Folders) -> None:
    head = b"POST /predict/ HTTP/1.1\r\n" + HOST + CSV
    with connected(serve, folders.regression) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ROWS))
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(ROWS)
        answer = read_all(connection)
    assert b" 100 " not in answer
    status, _, body = parsed(answer)
    assert good(status, body)


def test_a_query_of_many_kilobytes(serve: Serve, folders: Folders) -> None:
    head = b"POST /predict/?" + b"q" * 8000 + b" HTTP/1.1\r\n" + HOST + CSV
    length = b"Content-Length: %d\r\n\r\n" % len(ROWS)
    status, _, body = exchange(serve, folders.regression, head + length + ROWS)
    assert good(status, body)


def test_body_that_comes_in_pieces(serve: Serve, folders: Folders) -> None:
    head = b"POST /predict/ HTTP/1.1\r\n" + HOST + CSV
    with connected(serve, folders.regression) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n" % len(ROWS))
        connection.sendall(b"\r\n" + ROWS[:7])
        connection.sendall(ROWS[7:])
        status, _, body = parsed(read_all(connection))
    assert good(status, body)


def test_http_1_0(serve: Serve, folders: Folders) -> None:
    head = b"POST /predict/ HTTP/1.0\r\n" + CSV + b"Content-Length: %d\r\n\r\n" % len(ROWS)
    status, headers, body = exchange(serve, folders.regression, head + ROWS)
    assert good(status, body)
    assert "transfer-encoding" not in headers


def test_escaped_path(serve: Serve, folders: Folders) -> None:
    status, _, body = exchange(
        serve, folders.regression, b"GET /%70ing/ HTTP/1.1\r\n" + HOST + b"\r\n"
    )
    assert (status, body) == (200, b'{"message":"OK"}\n')


def test_no_server_version_is_told(serve: Serve, folders: Folders) -> None:
    _, headers, _ = exchange(serve, folders.regression, b"GET /ping/ HTTP/1.1\r\n" + HOST + b"\r\n")
    told = headers.get("server", "")
    assert not any(character.isdigit() for character in told)


@pytest.mark.parametrize("name", [b"X_Request_Id", b"X-Request-Id"])
def test_decision_07_only_the_spelling_with_dashes_is_read(
    serve: Serve, folders: Folders, name: bytes
) -> None:
    sent = b"GET /ping/ HTTP/1.1\r\n" + HOST + name + b": my-id\r\n\r\n"
    _, headers, _ = exchange(serve, folders.regression, sent)
    assert (headers["x-request-id"] == "my-id") == (name == b"X-Request-Id")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /ping/ HTTP/9.9\r\n\r\n",
        b"GET /ping/ HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n",
        b"GET /ping/ HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n",
        b"POST /predict/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /ping/ HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
def test_what_is_not_http_harms_nobody(serve: Serve, folders: Folders, sent: bytes) -> None:
    with connected(serve, folders.regression) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection)
        except OSError:
            # The server need not hear it to its end.
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 5")
    # Some servers overlook some of it.
    if answer and parsed(answer)[0] != 200:
        assert_plain_refusal(answer)
    assert serve(folders.regression).predict(ROWS).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"secret nonsense\r\n\r\n",
        b"GET /ping/ HTTP/secret\r\n\r\n",
        b"GET /secret HTTP/9.9\r\n\r\n",
    ],
)
def test_decision_04_what_is_not_http_is_not_repeated(
    serve: Serve, folders: Folders, sent: bytes
) -> None:
    with connected(serve, folders.regression) as connection:
        connection.sendall(sent)
        answer = read_all(connection)
    assert_plain_refusal(answer)
    assert b"secret" not in answer


def assert_plain_refusal(answer: bytes) -> None:
    """JSON with the headers that every answer has, on every server."""
    status, headers, body = parsed(answer)
    assert 400 <= status < 500
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["message"].startswith("ERROR: ")
    assert headers["x-request-id"] == headers["x_request_id"]
    assert headers["x-drum-version"]


def test_body_that_never_comes_whole(serve: Serve, folders: Folders) -> None:
    head = b"POST /predict/ HTTP/1.1\r\n" + HOST + CSV + b"Content-Length: 1000\r\n\r\n"
    with connected(serve, folders.regression) as connection:
        connection.sendall(head + ROWS)
    assert serve(folders.regression).predict(ROWS).status == 200
