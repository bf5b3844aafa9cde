"""For compatibility only: runs ``drum server`` as a child, for test-suites of model folders."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from threading import Thread
from types import TracebackType
from typing import Any, Final

from datarobot_drum.drum.enum import ArgumentsOptions as Args
from datarobot_drum.drum.exceptions import STARTUP_FAILED_STATUS
from datarobot_drum.drum.root_predictors.utils import (
    _exec_shell_cmd,
    as_variables,
    as_words,
    label_options,
)
from datarobot_drum.drum.utils.processors import available_processors

_UP: Final = (HTTPStatus.OK, STARTUP_FAILED_STATUS)
_STOP_SECONDS: Final = 10
_MOST_WORKERS: Final = 4
_HAVE_NO_VARIABLE: Final = (
    Args.DOCKER,
    Args.GPU_PREDICTOR,
    Args.LOGGING_LEVEL,
    Args.MEMORY,
    Args.SIDECAR,
    Args.VERBOSE,
)


def wait_for_server(url: str, timeout: float) -> None:
    """Ask once a second until the answer is 200, or 513 of an error server.

    Raises:
        TimeoutError: it was not up within ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while not _is_up(url):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"Server failed to start: url: {url}")
        time.sleep(1)


class DrumServerProcess:
    """The child: ``process`` while it runs, the two streams after it has ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.out_stream: str | None = None
        self.err_stream: str | None = None

    @property
    def returncode(self) -> int | None:
        return None if self.process is None else self.process.returncode


class DrumServerRun:
    """``with DrumServerRun(...) as run``: a server that answers at ``run.url_server_address``.

    Args:
        labels: binary: ``[negative, positive]``; multiclass and multilabel: all of them.
        append_cmd: more words for the command line.
        cmd_override: the words to use in place of the command and all its options.
        pass_args_as_env_vars: hand options over as variables where there is one.
        production: with several workers: ``max_workers``, or up to four where it is None.
        fail_on_shutdown_error: a child that ends with a failure is an error.

    Raises:
        TimeoutError: the server was not up within ``wait_for_server_timeout`` seconds, or
            ended before; the text holds what it wrote to stderr.
    """

    def __init__(
        self,
        target_type: str,
        labels: Sequence[str] | None,
        custom_model_dir: str,
        docker: str | None = None,
        with_error_server: bool = False,
        show_stacktrace: bool = True,
        production: bool = False,
        memory: str | None = None,
        fail_on_shutdown_error: bool = True,
        pass_args_as_env_vars: bool = False,
        verbose: bool = True,
        logging_level: str | None = None,
        append_cmd: str | None = None,
        user_secrets_mount_path: str | None = None,
        thread_class: type[Thread] = Thread,
        gpu_predictor: str | None = None,
        sidecar: bool = False,
        target_name: str | None = None,
        wait_for_server_timeout: float = 30,
        max_workers: int | None = None,
        cmd_override: str | None = None,
        port: int | None = None,
        stream_output: bool = False,
    ) -> None:
        if production and max_workers is None:
            max_workers = min(_MOST_WORKERS, available_processors())
        self.port = int(port or _free_port())
        host = os.environ.get("TEST_URL_HOST", "localhost") if docker else "localhost"
        self.server_address = f"localhost:{self.port}"
        self.url_server_address = f"http://{host}:{self.port}"
        self.process = DrumServerProcess()
        self.server_thread: Thread | None = None
        self._thread_class = thread_class
        self._verbose = verbose
        self._stream_output = stream_output
        self._fail_on_shutdown_error = fail_on_shutdown_error
        self._timeouts = wait_for_server_timeout
        self._override = cmd_override
        self._appended = shlex.split(append_cmd or "")
        self._as_variables = pass_args_as_env_vars
        self._target_name = target_name
        values: dict[str, object] = {
            Args.CODE_DIR: custom_model_dir,
            Args.TARGET_TYPE: target_type,
            Args.ADDRESS: self.server_address,
            Args.LOGGING_LEVEL: logging_level,
            Args.DOCKER: docker,
            Args.MEMORY: memory,
            Args.USER_SECRETS_MOUNT_PATH: user_secrets_mount_path,
            Args.GPU_PREDICTOR: gpu_predictor,
            Args.MAX_WORKERS: max_workers,
            Args.WITH_ERROR_SERVER: with_error_server,
            Args.SHOW_STACKTRACE: show_stacktrace,
            Args.PRODUCTION: production,
            Args.SIDECAR: sidecar,
            Args.VERBOSE: verbose,
        }
        self._options = _given(values) | label_options(labels, target_type)

    def get_command(self) -> str:
        """The command line, quoted for a shell."""
        return self._override or shlex.join(self._words())

    def __enter__(self) -> DrumServerRun:
        self.server_thread = self._thread_class(target=self._run, name="DRUM server")
        self.server_thread.start()
        with contextlib.ExitStack() as undo:
            undo.callback(self._stop)
            self._wait_until_up()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if self._fail_on_shutdown_error and error is None and self.process.returncode:
            raise AssertionError(
                f"The server ended with {self.process.returncode}\n{self.process.err_stream}"
            )

    def _words(self) -> list[str]:
        words = {n: v for n, v in self._options.items() if n not in self._handed_as_variables()}
        command = [sys.executable, "-m", "datarobot_drum", Args.SERVER]
        return command + as_words(words) + self._appended

    def _handed_as_variables(self) -> dict[str, list[str]]:
        if not self._as_variables:
            return {}
        return {n: v for n, v in self._options.items() if n not in _HAVE_NO_VARIABLE}

    def _environment(self) -> dict[str, str]:
        named = {} if self._target_name is None else {"TARGET_NAME": self._target_name}
        return {**os.environ, **as_variables(self._handed_as_variables()), **named}

    def _run(self) -> None:
        _exec_shell_cmd(
            self.get_command(),
            "",
            assert_if_fail=False,
            process_obj_holder=self.process,
            env=self._environment(),
            verbose=self._verbose,
            stream_output=self._stream_output,
        )

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + self._timeouts
        while not _is_up(self.url_server_address):
            ended = self.server_thread is not None and not self.server_thread.is_alive()
            if ended or time.monotonic() >= deadline:
                said = self.process.err_stream or ""
                raise TimeoutError(
                    f"Server failed to start: url: {self.url_server_address}\n{said}".rstrip()
                )
            time.sleep(0.1)

    def _stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal_group(self.process.process, number)
            if self.server_thread is not None:
                self.server_thread.join(_STOP_SECONDS)


def _given(values: dict[str, Any]) -> dict[str, list[str]]:
    """Options that were given; a flag has no values."""
    chosen = {name: value for name, value in values.items() if value not in (None, False)}
    return {name: [] if value is True else [str(value)] for name, value in chosen.items()}


def _signal_group(process: subprocess.Popen[str] | None, number: signal.Signals) -> None:
    # The child leads a group of its own, with its workers in it.
    if process is not None and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status in _UP
    except urllib.error.HTTPError as error:
        with error:
            return error.code in _UP
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
