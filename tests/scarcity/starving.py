"""A running server, and what a test can take away from it and give back."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.harness import Server, eventually

# Seconds in which an answer has to come; and after which none is expected any more.
PATIENCE = 60.0
GOOD = b"a\n1\n"
ROWS = 9_000
# A form that is too large for memory goes to a file.
LARGE = b"a,b\n" + b"1,%b\n" % (b"x" * 1000) * ROWS
_BOUNDARY = b"--edge--"
FORM = (
    b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="X"; filename="X.csv"\r\n'
    b"Content-Type: text/csv\r\n\r\n" + LARGE + b"\r\n--" + _BOUNDARY + b"--\r\n"
)
FORM_TYPE = f"multipart/form-data; boundary={_BOUNDARY.decode()}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        text = json.loads(self.body)["message"]
        assert isinstance(text, str)
        return text


class Starving:
    """
    Args:
        kind: the type of the server.
        gate: a file for which a row of -1 waits.
        temporary: the server's folder for temporary files.

    Attributes:
        scarce: the folder that the stand-ins look into; None: there are none.
    """

    def __init__(self, server: Server, kind: str, gate: Path, temporary: Path) -> None:
        self.server = server
        self.kind = kind
        self.gate = gate
        self.temporary = temporary
        self.scarce: Path | None = None
        self.pool = ThreadPoolExecutor(32)

    # -- what clients do

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        connection.connect()
        return connection

    def post(self, body: bytes = GOOD, content_type: str = "text/csv") -> Answer:
        """On a connection of its own. Whoever answers early need not read all that is sent."""
        with contextlib.closing(self.connect()) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", "/predict/", body, {"Content-Type": content_type})
            return read_answer(connection)

    def get(self, path: str) -> Answer:
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path)
            return read_answer(connection)

    def start(self, body: bytes = GOOD) -> Future[Answer]:
        return self.pool.submit(self.post, body)

    @staticmethod
    def wait_until(condition: Callable[[], object]) -> None:
        eventually(condition)

    def works(self) -> None:
        """The next good request is answered, and so are probes."""
        assert self.post().status == 200
        assert self.get("/livez").status == 200
        assert self.get("/readyz").status == 200
        assert self.server.process.poll() is None, self.server.output()

    # -- what is taken

    @property
    def processes(self) -> list[int]:
        return [self.server.process.pid, *self.server.workers()]

    @property
    def serving(self) -> int:
        """The process that answers."""
        return self.processes[-1]

    @contextlib.contextmanager
    def limited(self, what: int, limit: int) -> Iterator[None]:
        """A soft limit of the process that answers."""
        pid = self.serving
        before = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (limit, before[1]))
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, what, before)

    @contextlib.contextmanager
    def stood_in(self, name: str) -> Iterator[None]:
        assert self.scarce is not None
        flag = self.scarce / name
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    # -- what the log says

    def logged(self, text: str) -> int:
        return self.server.stderr().count(text)

    def wait_for_log(self, text: str) -> None:
        eventually(lambda: self.logged(text))


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    # Its own reading needs the state that a whole request leaves.
    assert isinstance(connection.sock, socket.socket)
    response = http.client.HTTPResponse(connection.sock, method="POST")
    with contextlib.closing(response):
        response.begin()
        return Answer(
            response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        )


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def mount(*arguments: str) -> str | None:
    """Why it could not be done."""
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no command mount"
    return done.stderr.strip() or "mount failed" if done.returncode else None


@contextlib.contextmanager
def memory_group(pid: int, limit: int) -> Iterator[None]:
    """A control group with so many bytes of memory, for one process."""
    root = Path("/sys/fs/cgroup")
    first = (root / "memory").is_dir()
    group = (root / "memory" if first else root) / f"drum-scarcity-{pid}"
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(limit))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield
    finally:
        eventually(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
