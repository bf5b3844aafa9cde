"""Start ``drum server`` as a real process on a free loopback port, and stop it by its id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import datarobot_drum

START_SECONDS = 60.0
STOP_SECONDS = 30.0
SERVER_TYPES = ("flask", "gunicorn", "fastapi")
PROGRAM = ("-m", "datarobot_drum")

# A method of `Server` is named `signal` too.
_TERMINATE = signal.SIGTERM
# Where `-m datarobot_drum` finds what the tests have imported.
_PACKAGE_ROOT = Path(datarobot_drum.__file__).parents[1]
# What a developer's shell may carry and a server under test must not see.
_UNWANTED = ("MLOPS_RUNTIME_PARAM_", "DRUM_", "CUSTOM_MODEL_WORKERS", "MAX_WORKERS", "URL_PREFIX")
_UNWANTED += ("OTEL_",)
# Set where coverage runs the tests. A process that inherits it is measured too.
COVERAGE_VARIABLE = "COVERAGE_PROCESS_CONFIG"
_COVERAGE = os.environ.get(COVERAGE_VARIABLE)


class ServerDiedError(AssertionError):
    """The process ended, or did not become ready in time; the text holds its output."""


@dataclass
class Server:
    """A running server process.

    Attributes:
        url: scheme, host and port, without a trailing slash.
        process: the process that was started, which is the server's master.
    """

    process: subprocess.Popen[bytes]
    url: str
    port: int
    folder: Path

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace")

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def output(self) -> str:
        return f"--- stdout\n{self.stdout()}\n--- stderr\n{self.stderr()}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status; a process that outlives the wait is killed and fails the test."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerDiedError(f"still running after {seconds} s\n{self.output()}") from None

    def stop(self, number: int = _TERMINATE, seconds: float = STOP_SECONDS) -> int:
        """Send a signal and return the exit status."""
        if self.process.poll() is None:
            self.signal(number)
        return self.wait(seconds)

    def workers(self) -> list[int]:
        """Process ids of the children of the process that was started."""
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listing.read_text().split()]

    def get(self, path: str, timeout: float = 10) -> tuple[int, bytes]:
        """Status and body of a GET; errors of the server are answers, not exceptions."""
        return self.send(urllib.request.Request(self.url + path), timeout)

    def post(
        self, path: str, body: bytes, content_type: str = "text/csv", timeout: float = 30
    ) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": content_type}, method="POST"
        )
        return self.send(request, timeout)

    def send(self, request: urllib.request.Request, timeout: float = 10) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def wait_until_alive(self, seconds: float = START_SECONDS) -> None:
        """Poll until the server accepts connections."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerDiedError(f"ended with {self.process.returncode}\n{self.output()}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 2).close()
                return
            time.sleep(0.05)
        raise ServerDiedError(f"not ready after {seconds} s\n{self.output()}")


def eventually(condition: Callable[[], object]) -> None:
    """Wait for something that has to happen, for as long as a busy machine may need."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def runtime_parameter(value: object) -> str:
    """A runtime parameter's value as the platform puts it into the environment."""
    if isinstance(value, bool):
        return json.dumps({"type": "boolean", "payload": value})
    if isinstance(value, int | float):
        return json.dumps({"type": "numeric", "payload": value})
    return json.dumps({"type": "string", "payload": value})


def environment(
    env: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    measured: bool = True,
) -> dict[str, str]:
    """The environment of a server: this one's, cleaned, with parameters added.

    Args:
        measured: by coverage, where that runs.
    """
    parameters = params or {}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(_UNWANTED)}
    # Coverage follows threads. With greenlets it would take one's lines for another's.
    if _COVERAGE and measured and parameters.get("DRUM_GUNICORN_WORKER_CLASS") != "gevent":
        clean[COVERAGE_VARIABLE] = _COVERAGE
    for name, value in parameters.items():
        clean[f"MLOPS_RUNTIME_PARAM_{name}"] = runtime_parameter(value)
    return {**clean, **(env or {})}


def start_server(
    code_dir: str | Path,
    server_type: str | None,
    *extra_args: str,
    env: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    port: int | None = None,
    scheme: str = "http",
    measured: bool = True,
    program: Sequence[str] = PROGRAM,
) -> Server:
    """Start ``drum server`` and return at once; the caller ends it with ``stop``."""
    folder = Path(tempfile.mkdtemp(prefix="drum-server-"))
    port = port or free_port()
    parameters = dict(params or {})
    if server_type is not None:
        parameters["DRUM_SERVER_TYPE"] = server_type
    command = [sys.executable, *program, "server"]
    command += ["--code-dir", str(code_dir), "--address", f"127.0.0.1:{port}", *extra_args]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment(env, parameters, measured),
            cwd=_PACKAGE_ROOT,
            start_new_session=True,
        )
    return Server(process, f"{scheme}://127.0.0.1:{port}", port, folder)


@contextlib.contextmanager
def running_server(
    code_dir: str | Path,
    server_type: str | None,
    *extra_args: str,
    env: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
    port: int | None = None,
    scheme: str = "http",
    wait: bool = True,
    measured: bool = True,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Server]:
    """A server that accepts connections (``wait=False``: that was just started).

    Args:
        code_dir: the model folder.
        server_type: value of ``DRUM_SERVER_TYPE``; None leaves it unset.
        extra_args: more words of the command line, e.g. ``"--target-type", "regression"``.
        env: environment variables on top of this process's own.
        params: runtime parameters, passed as the platform passes them.
        measured: by coverage, where that runs; False where CPU time is what is tested.
        program: the words after Python's that stand for ``drum``.

    Raises:
        ServerDiedError: it did not become ready, or could not be stopped.
    """
    server = start_server(
        code_dir,
        server_type,
        *extra_args,
        env=env,
        params=params,
        port=port,
        scheme=scheme,
        measured=measured,
        program=program,
    )
    try:
        if wait:
            server.wait_until_alive()
        yield server
    finally:
        _end(server)


def _end(server: Server) -> None:
    workers = server.workers() if server.process.poll() is None else []
    try:
        server.stop()
    finally:
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(server.folder, ignore_errors=True)
