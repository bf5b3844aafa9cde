"""What stands before everything else that a server does, on every server and worker class: the
token, and what a request may choose.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.servers.harness import Server, running_server

pytestmark = pytest.mark.servers

CUSTOM: Final = """
import json
from datarobot_drum import CustomHTTPError

def load_model(code_dir):
    return "model"

def score_unstructured(model, data, query, headers, **kwargs):
    if "status" in query:
        raise CustomHTTPError("the hook's text", int(query["status"]))
    return json.dumps(headers)
"""
FLASK: Final = """
def init_app(app):
    inner = app.wsgi_app

    def mount(environ, start_response):
        path = environ["PATH_INFO"]
        if not path.startswith("/mount/"):
            return inner(environ, start_response)
        lines = [("X-A", "b\\r\\nX-Forged: c")] if "lines" in environ["QUERY_STRING"] else []
        start_response(f"{path[7:]} Mine", [("Content-Length", "12"), *lines])
        return [b"of the mount"]

    app.wsgi_app = mount
"""
FASTAPI: Final = """
async def mount(scope, receive, send):
    status, headers = int(scope["path"].rpartition("/")[2]), [(b"content-length", b"12")]
    if scope["query_string"] == b"lines":
        headers.append((b"x-a", b"b\\r\\nX-Forged: c"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"of the mount"})

def init_app(app):
    app.mount("/mount", mount)
"""
TOKEN: Final = "a-token-of-enough-letters"
BEARER: Final = f"Authorization: Bearer {TOKEN}\r\n".encode()
BASE: Final = b"Host: x\r\nConnection: close\r\n"
LIMIT: Final = 100_000
POST: Final = b"POST /predictUnstructured/%s HTTP/1.1\r\n" + BASE
EXPECT: Final = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
KINDS: Final = ("flask", "fastapi", "gthread", "sync", "gevent")


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("model")
    (folder / "custom.py").write_text(CUSTOM)
    (folder / "custom_flask.py").write_text(FLASK)
    (folder / "custom_fastapi.py").write_text(FASTAPI)
    kind = request.param
    params: dict[str, Any] = {"DRUM_AUTH_TOKEN": TOKEN, "DRUM_MAX_UPLOAD_SIZE": LIMIT}
    if kind not in ("flask", "fastapi"):
        if kind == "gevent":
            pytest.importorskip("gevent")
        params |= {"DRUM_GUNICORN_WORKER_CLASS": kind, "DRUM_GUNICORN_KEEP_ALIVE": 5}
        kind = "gunicorn"
    with running_server(folder, kind, "--target-type", "unstructured", params=params) as started:
        yield started


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30)


def ask(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and whatever else comes of the connection."""
    with connect(server) as connection:
        connection.sendall(sent)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), rest


def get(path: str, *headers: bytes) -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + BASE + b"".join(headers) + b"\r\n"


def post(query: str, *headers: bytes) -> bytes:
    head = POST % query.encode() + BEARER + b"".join(headers)
    return head + b"Content-Length: 0\r\n\r\n"


def test_the_token_stands_before_what_is_mounted(server: Server) -> None:
    for wrong in ((), (b"Authorization: Bearer wrong\r\n",)):
        status, headers, body = ask(server, get("/mount/200", *wrong))
        assert (status, headers["www-authenticate"]) == (401, "bearer")
        assert headers["x-request-id"] and b"of the mount" not in body
    status, _, body = ask(server, get("/mount/200", BEARER))
    assert status == 200 and b"of the mount" in body


def test_nobody_chooses_the_path_that_a_proxy_has_not_seen(server: Server) -> None:
    for path, header in (("/mine/info/", "SCRIPT_NAME: /mine"), ("/nowhere", "PATH_INFO: /info/")):
        status, _, body = ask(server, get(path, BEARER, f"{header}\r\n".encode()))
        assert status == 404 and b"targetType" not in body


@pytest.mark.parametrize("path", ["/info/", "/livez", "/mount/200", "/nowhere"])
def test_two_authorizations_are_none(server: Server, path: str) -> None:
    for two in ((BEARER, BEARER), (BEARER, b"Authorization: Bearer other\r\n")):
        assert ask(server, get(path, *two))[0] == 400


def test_hooks_get_all_headers_but_the_servers_own(server: Server) -> None:
    mine = (b"X-Mine: 1\r\n", b"X_Mine: 2\r\n", b"Cookie: c=d\r\n")
    status, _, body = ask(server, post("", *mine))
    headers = json.loads(body)
    assert status == 200
    assert (headers["X-Mine"], headers["Cookie"], headers["Host"]) == ("1", "c=d", "x")
    assert "X_Mine" not in headers and TOKEN not in body.decode()


@pytest.mark.parametrize("status", [204, 304])
def test_nothing_follows_an_answer_without_a_body(server: Server, status: int) -> None:
    found, headers, rest = ask(server, get(f"/mount/{status}", BEARER))
    assert (found, rest) == (status, b"")
    # The length of what was not modified may be told.
    assert status == 304 or "content-length" not in headers
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("status", "wanted"), [(200, 500), (204, 500), (302, 500), (399, 500), (404, 404), (599, 599)]
)
def test_an_error_has_the_status_of_one(server: Server, status: int, wanted: int) -> None:
    found, _, body = ask(server, post(f"?status={status}"))
    assert found == wanted and b"the hook's text" in body


def test_a_body_that_is_refused_is_not_asked_for(server: Server) -> None:
    assert ask(server, POST % b"" + BEARER + EXPECT % (LIMIT + 1))[0] == 413
    assert ask(server, POST % b"" + EXPECT % 10)[0] == 401
    with connect(server) as connection:
        connection.sendall(POST % b"" + BEARER + EXPECT % 10)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"0123456789")
        assert read_answer(connection)[0] == 200


@pytest.mark.parametrize("status", [101, 103])
def test_an_answer_that_is_none_is_the_last_of_its_connection(server: Server, status: int) -> None:
    kept = get(f"/mount/{status}", BEARER).replace(b"Connection: close\r\n", b"")
    found, _, rest = ask(server, kept + get("/livez"))
    assert (found, rest) == (status, b"")


def test_who_cannot_be_asked_for_a_body_is_not(server: Server) -> None:
    line = (POST % b"").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert ask(server, line + BEARER + EXPECT % 10 + b"0123456789")[0] == 200


def test_a_mount_writes_no_lines_into_a_head(server: Server) -> None:
    status, headers, _ = ask(server, get("/mount/200?lines", BEARER))
    assert status == 500 and "x-forged" not in headers
