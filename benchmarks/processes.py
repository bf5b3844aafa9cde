"""Processes that are measured: pinned to one CPU, with the CPU time that they have used."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import peers
import psutil

START_SECONDS = 90
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
# With one CPU (or on a system without affinity, or with BENCH_PIN=off) everything shares what
# there is.
IS_PINNED = len(CPUS) > 1 and os.environ.get("BENCH_PIN") != "off"
SERVER_CPU, LOAD_CPU = (CPUS[0], CPUS[1]) if IS_PINNED else (None, None)


class DidNotStartError(Exception):
    """A server that ended, or never answered; with the end of what it said."""


def pinned(cpu: int | None) -> Callable[[], None] | None:
    """For ``preexec_fn``: keep the new process, and all it starts, on one CPU."""
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A server that answers. ``process`` is the one that was started."""

    process: subprocess.Popen[bytes]
    port: int
    path: str
    content_type: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def cpu_seconds(self) -> float:
        """User and system time of the process tree, ended children included."""
        used = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
        return used

    def memory(self) -> int:
        """Bytes that the process tree holds: shared pages count once, by their share."""
        return sum(process.memory_full_info().pss for process in self._tree())

    def _tree(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def ask(self, body: bytes, timeout: float = 120) -> bytes:
        """One answer.

        Raises:
            OSError: it does not answer.
            RuntimeError: its status is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", self.path, body, {"Content-Type": self.content_type})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}: {answer[:300]!r}")
        return answer


@contextlib.contextmanager
def running(
    command: Sequence[str],
    variables: Mapping[str, str],
    log: Path,
    running_at: tuple[int, str, str],
    first_body: bytes,
) -> Iterator[Running]:
    """Start a server, wait until it answers ``first_body``, end it.

    Args:
        running_at: port, path and content type of its predictions.

    Raises:
        DidNotStartError: it ended, or did not answer in time.
    """
    with log.open("wb") as output:
        process = _start(command, variables, output)
        target = Running(process, *running_at)
        try:
            _wait_until_answering(target, first_body, log)
            yield target
        finally:
            _end(process)


def _start(
    command: Sequence[str], variables: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    environment = {**peers.environment(command[0]), **variables}
    folder = str(Path(command[0]).parent)
    environment["PATH"] = f"{folder}:{environment.get('PATH', '')}"
    return subprocess.Popen(
        list(command),
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=str(Path(output.name).parent),
        preexec_fn=pinned(SERVER_CPU),
        start_new_session=True,
    )


def _wait_until_answering(target: Running, body: bytes, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    said = ""
    while target.process.poll() is None and time.monotonic() < deadline:
        try:
            target.ask(body, 10)
            return
        except RuntimeError as error:
            said = str(error)
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)
    raise DidNotStartError(f"{said}\n{log.read_text(errors='replace')[-1500:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server, and whatever of its process group does not end with it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
