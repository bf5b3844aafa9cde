"""What bodies cost a process: never more than the formula of docs/operations.md says, and nothing
for long.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.harness import Server, eventually, running_server
from tests.servers.load import rows

pytestmark = pytest.mark.servers

MEGABYTE = 1024 * 1024
BUDGET = 32 * MEGABYTE
# Many times the budget; each alone would fit in.
CLIENTS, HALF = 14, 14 * MEGABYTE
PIECE = b"x" * MEGABYTE
HEAD = b"POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
# The formula's part that no body has: what a process needs besides its model, and what of
# several bodies its connections hold before they are counted.
BESIDES = 80 * MEGABYTE
# What may stay of all that the bodies had.
LEFT = 40 * MEGABYTE

SERVERS = {
    "flask": ("flask", {}),
    "gthread": ("gunicorn", {}),
    "gevent": ("gunicorn", {"DRUM_GUNICORN_WORKER_CLASS": "gevent"}),
    "fastapi": ("fastapi", {}),
}


def memory(server: Server, name: str = "VmRSS") -> int:
    """Bytes of the process that serves."""
    pid = [server.process.pid, *server.workers()][-1]
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    assert found is not None
    return int(found.group(1)) * 1024


def body_bytes(server: Server) -> int:
    figures = json.loads(server.get("/stats/", timeout=30)[1])["executor_info"]
    return int(figures["body_bytes"])


class Client:
    """Sends a body in pieces, with its length or in chunks."""

    def __init__(self, port: int, length: int, is_chunked: bool) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), 30)
        self._is_chunked = is_chunked
        framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}"
        self.connection.sendall(HEAD + framing.encode() + b"\r\n\r\n")

    def send(self, piece: bytes) -> bool:
        """False: the server does not take it any more."""
        if self._is_chunked:
            piece = b"%x\r\n%s\r\n" % (len(piece), piece)
        try:
            self.connection.sendall(piece)
        except OSError:
            return False
        return True

    def answer(self) -> bytes:
        """What has come of one; nothing where the server still waits for more."""
        if not select.select([self.connection], [], [], 0)[0]:
            return b""
        with contextlib.suppress(ConnectionError):
            return self.connection.recv(65536)
        return b""


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, code_dir: Path) -> Iterator[Server]:
    server_type, options = SERVERS[request.param]
    params = {"DRUM_BODY_BUDGET": BUDGET, "DRUM_HEADER_TIMEOUT": 600} | options
    with running_server(
        code_dir, server_type, "--target-type", "regression", params=params, measured=False
    ) as running:
        yield running


def wide_rows(size: int) -> bytes:
    """A table of few rows and many bytes, which costs little to predict."""
    return b"seconds,text\n" + (b"0," + PIECE + b"\n") * (size // MEGABYTE)


def test_bodies_take_no_more_than_the_budget_and_leave_nothing(server: Server) -> None:
    assert server.post("/predict/", rows(0))[0] == 200
    at_first = memory(server)
    with contextlib.ExitStack() as stack:
        clients = [Client(server.port, 2 * HALF, bool(n % 2)) for n in range(CLIENTS)]
        for client in clients:
            stack.enter_context(client.connection)
        sending = set(clients)
        for _ in range(HALF // MEGABYTE):
            sending = {client for client in sending if client.send(PIECE)}
        answers: dict[Client, bytes] = {}

        def all_but_some_are_refused() -> bool:
            answers.update({c: answers.get(c) or c.answer() for c in clients})
            waiting = sum(not answer for answer in answers.values())
            return waiting * HALF <= BUDGET

        eventually(all_but_some_are_refused)
        assert server.get("/livez")[0] == server.get("/readyz")[0] == 200
        assert server.post("/predict/", rows(0))[0] == 200
        assert 0 < body_bytes(server) <= BUDGET
        for answer in filter(None, answers.values()):
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in answer.lower()
    assert memory(server, "VmHWM") - at_first <= 2 * BUDGET + BESIDES
    eventually(lambda: body_bytes(server) == 0)
    eventually(lambda: memory(server) - at_first <= LEFT)
    # Each alone gets through, larger than the budget or not.
    for size in (8, 40):
        status, answer = server.post("/predict/", wide_rows(size * MEGABYTE), timeout=60)
        assert (status, len(json.loads(answer)["predictions"])) == (200, size)
    assert body_bytes(server) == 0
    eventually(lambda: memory(server) - at_first <= LEFT)
