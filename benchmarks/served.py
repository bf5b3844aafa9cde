"""A `drum server` to put under load, and the table that tells what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server


@contextmanager
def serving(
    folder: str,
    parameters: Mapping[str, object],
    options: Sequence[str] = ("--target-type", "regression"),
    timeout: float = 120,
) -> Iterator[tuple[int, int]]:
    """A server of that folder with these runtime parameters and options; its process and port."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    variables = {f"MLOPS_RUNTIME_PARAM_{name}": str(value) for name, value in parameters.items()}
    words = [sys.executable, "-m", "datarobot_drum", "server", "--code-dir", folder]
    words += [*options, "--address", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        words,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until_ready(port, timeout)
            yield process.pid, port
        finally:
            process.terminate()


def wait_until_ready(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def show(figures: Mapping[str, Mapping[str, float]], output: Path | None) -> None:
    """Print a column for each server; write the same as JSON where it is wanted."""
    print(f"{'':28}" + "".join(f"{server:>12}" for server in figures))
    for name in next(iter(figures.values())):
        print(f"{name:28}" + "".join(f"{column[name]:12.2f}" for column in figures.values()))
    if output is not None:
        output.write_text(json.dumps(figures, indent=2))
