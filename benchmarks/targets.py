"""What is measured: server processes, pinned to one CPU, and what CPU time they have used."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

START_SECONDS = 60
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
# With one CPU (or on a system without affinity) everything shares what there is.
SERVER_CPU, LOAD_CPU = (CPUS[0], CPUS[1]) if len(CPUS) > 1 else (None, None)


def pinned(cpu: int | None) -> Callable[[], None] | None:
    """For ``preexec_fn``: keep the new process, and all it starts, on one CPU."""
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


@dataclass
class Target:
    """A running server. ``process`` is the one that was started."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/predict/"

    def cpu_seconds(self) -> float:
        """User and system time of the process tree, ended children included."""
        main = psutil.Process(self.process.pid)
        used = 0.0
        for process in (main, *main.children(recursive=True)):
            times = process.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
        return used

    def ask(self, body: bytes) -> bytes:
        """One answer.

        Raises:
            RuntimeError: its status is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/predict/", body, {"Content-Type": "text/csv"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{self.name} answered {response.status}: {answer[:200]!r}")
        return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def drum_server(server: str, folder: Path) -> Iterator[Target]:
    """Our own server, with its defaults; gunicorn keeps connections open, as the others do."""
    port = free_port()
    command = ["-m", "datarobot_drum", "server", "--code-dir", str(folder)]
    command += ["--target-type", "regression", "--address", f"127.0.0.1:{port}"]
    parameters = {"DRUM_SERVER_TYPE": server, "DRUM_GUNICORN_KEEP_ALIVE": "5"}
    # Applies to uvicorn too; access logs are written as by default.
    parameters["DRUM_GUNICORN_LOG_LEVEL"] = "warning"
    variables = {f"MLOPS_RUNTIME_PARAM_{name}": value for name, value in parameters.items()}
    with running(server, command, port, variables) as target:
        yield target


@contextlib.contextmanager
def constant_server(answer: bytes) -> Iterator[Target]:
    port = free_port()
    command = ["-m", "uvicorn", "--app-dir", str(Path(__file__).parent), "constant_app:app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    variables = {"CONSTANT_BODY": answer.decode()}
    with running("uvicorn, a constant", command, port, variables) as target:
        yield target


@contextlib.contextmanager
def running(
    name: str, command: list[str], port: int, variables: Mapping[str, str]
) -> Iterator[Target]:
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        preexec_fn=pinned(SERVER_CPU),
    )
    try:
        _wait_until_listening(name, process, port)
        yield Target(name, process, port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    sys.exit(f"The target '{name}' did not start; its own words are above.")
