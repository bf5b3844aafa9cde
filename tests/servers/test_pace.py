"""Clients that send faster than they are answered, or do not read their answers: each costs little,
and nothing for long.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.servers.harness import Server, eventually, running_server

pytestmark = pytest.mark.servers

MEGABYTE = 1024 * 1024
SERVERS = {
    "flask": {"DRUM_SERVER_TYPE": "flask"},
    "gthread": {"DRUM_SERVER_TYPE": "gunicorn"},
    "sync": {"DRUM_SERVER_TYPE": "gunicorn", "DRUM_GUNICORN_WORKER_CLASS": "sync"},
    "gevent": {"DRUM_SERVER_TYPE": "gunicorn", "DRUM_GUNICORN_WORKER_CLASS": "gevent"},
    "httptools": {"DRUM_SERVER_TYPE": "fastapi"},
}
# What the systems at both ends keep of what is sent, at the most.
IN_THE_SYSTEM = 12 * MEGABYTE

# The model's name is the size of a piece in bytes. What was drawn is told when a stream has ended.
CUSTOM = """
import os
import time

import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    while os.path.exists(os.environ.get("HOLD", "")):
        time.sleep(0.02)
    return pd.DataFrame({"answer": ["x" * int(size) for size in data.iloc[:, 0]]})


class ChatCompletionChunk:
    object = "chat.completion.chunk"

    def __init__(self, size):
        self.size = size

    def to_json(self, indent=None):
        return '"' + self.size * "x" + '"'


def stream(size):
    drawn = 0
    try:
        while True:
            drawn += size
            yield ChatCompletionChunk(size)
    finally:
        with open(os.environ["DRAWN"], "a") as file:
            file.write(f"{drawn}\\n")


def chat(completion_create_params, model):
    size = int(completion_create_params["model"])
    return stream(size) if size else iter([ChatCompletionChunk(1)])
"""
TEXT = ("--target-type", "textgeneration")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "custom.py").write_text(CUSTOM)
    return folder


@contextlib.contextmanager
def serving(folder: Path, kind: str, **params: object) -> Iterator[Server]:
    env = {
        "TARGET_NAME": "answer",
        "DRAWN": str(folder.parent / "drawn"),
        "HOLD": str(folder.parent / "hold"),
    }
    params = {**SERVERS[kind], **params}
    server_type = str(params.pop("DRUM_SERVER_TYPE"))
    with running_server(folder, server_type, *TEXT, env=env, params=params) as server:
        yield server


def connect(port: int, receiving: int = 4096) -> socket.socket:
    """A connection whose system keeps little of what comes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiving)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    return connection


def post(path: str, body: bytes, content_type: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def chat_request(size: int) -> bytes:
    body = {"model": str(size), "messages": [{"role": "user", "content": "?"}], "stream": True}
    return post("/v1/chat/completions", json.dumps(body).encode(), "application/json")


def received(connection: socket.socket) -> int:
    """Bytes until the other side has closed."""
    size = 0
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := connection.recv(65536):
            size += len(piece)
    return size


def highest_memory(server: Server) -> int:
    pid = [server.process.pid, *server.workers()][-1]
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


@pytest.mark.parametrize("kind", SERVERS)
def test_requests_behind_one_that_is_not_answered_stay_where_they_are(
    texts: Path, kind: str
) -> None:
    hold = texts.parent / "hold"
    hold.touch()
    many = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * (4 * MEGABYTE // 31)
    with serving(texts, kind) as server, connect(server.port) as connection:
        connection.sendall(post("/predict/", b"size\n1\n", "text/csv"))
        before, sent = highest_memory(server), 0
        connection.setblocking(False)
        while select.select([], [connection], [], 1.0)[1] and sent < len(many):
            sent += connection.send(many[sent:])
        assert highest_memory(server) - before < 16 * MEGABYTE
        hold.unlink()
        connection.settimeout(30)
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("kind", SERVERS)
def test_a_stream_that_nobody_reads_ends(texts: Path, kind: str) -> None:
    with serving(texts, kind, DRUM_HEADER_TIMEOUT=1) as server:
        unread = [connect(server.port) for _ in range(1 if kind == "sync" else 5)]
        for connection in unread:
            connection.sendall(chat_request(4 * MEGABYTE))
        with connect(server.port, MEGABYTE) as other:
            other.sendall(chat_request(0))
            assert other.recv(12) == b"HTTP/1.1 200"
        drawn = texts.parent / "drawn"
        eventually(lambda: drawn.exists() and len(drawn.read_text().splitlines()) == len(unread))
        # In the system, on its way there, joined for it, waiting, and made.
        most = IN_THE_SYSTEM + 5 * 4 * MEGABYTE
        assert [size for size in map(int, drawn.read_text().split()) if size > most] == []
        for connection in unread:
            connection.close()


class Encrypted:
    """A certificate for the server, and who trusts it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = folder / "server.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.file)
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)

    def over(self, connection: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(connection, server_hostname="127.0.0.1")


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("with_tls", [False, True])
def test_an_answer_is_sent_at_the_clients_pace_but_not_for_ever(
    texts: Path, tmp_path: Path, kind: str, with_tls: bool
) -> None:
    encrypted = Encrypted(tmp_path)
    params: dict[str, object] = {"DRUM_HEADER_TIMEOUT": 1}
    if with_tls:
        params["DRUM_SSL_CERTFILE"] = str(encrypted.file)
    size = 24 * MEGABYTE
    with serving(texts, kind, **params) as server, contextlib.ExitStack() as open_until_then:
        connections = []
        for _ in range(1 if kind == "sync" else 2):
            plain = connect(server.port, 65536)
            connection = encrypted.over(plain) if with_tls else plain
            connections.append(open_until_then.enter_context(connection))
        for connection in connections:
            connection.sendall(post("/predict/", b"size\n%d\n" % size, "text/csv"))
            assert connection.recv(12) == b"HTTP/1.1 200"
        if len(connections) == 2:
            slow, read = connections[1], 0
            while read < size:
                piece = slow.recv(MEGABYTE)
                assert piece
                read += len(piece)
        eventually(lambda: "does not read its answer" in server.output())
        assert received(connections[0]) < size
