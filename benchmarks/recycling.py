"""Does replacing workers lose requests? Many requests while workers wear out and give way.

A regression model that answers with the process that served it, several workers, each replaced
after a number of requests; half of the clients keep their connections, half open one for each
request. Shown: requests, processes that answered, how many of these were replaced, failures.
Exit status 1: there were failures, or nothing was replaced, so that nothing was shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from served import serving, show
from verdict import Bar, judge

CUSTOM = """
import os
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [float(os.getpid())] * len(data)})
"""
BODY = b"a\n1\n"
HEAD = "POST /predict/ HTTP/1.1\r\nHost: b\r\nContent-Type: text/csv\r\n"
MAX_REQUESTS = {"fastapi": "DRUM_UVICORN_MAX_REQUESTS", "gunicorn": "DRUM_GUNICORN_MAX_REQUESTS"}

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Outcome:
    """Answers by the process that gave them, and what went wrong, by its name."""

    processes: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


class Client:
    """One connection at a time, kept for as long as the server keeps it, or for one request."""

    def __init__(self, port: int, keeps: bool, outcome: Outcome) -> None:
        self._port = port
        self._keeps = keeps
        self._outcome = outcome
        self._connection: Connection | None = None

    async def ask(self) -> None:
        """Send a request once, without another try, and take note of what came."""
        try:
            status, body = await self._exchange()
        except (OSError, EOFError) as error:
            self._connection = None
            self._outcome.failures[type(error).__name__] += 1
            return
        if status == 200:
            self._outcome.processes[int(json.loads(body)["predictions"][0])] += 1
        else:
            self._outcome.failures[str(status)] += 1

    async def _exchange(self) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._connection
        close = "" if self._keeps else "Connection: close\r\n"
        writer.write(f"{HEAD}{close}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        body = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        if not self._keeps or "connection: close" in head:
            writer.close()
            self._connection = None
        return int(head.split(" ")[1]), body

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()


async def load(port: int, given: argparse.Namespace) -> Outcome:
    outcome, left = Outcome(), given.requests
    clients = [Client(port, number % 2 == 0, outcome) for number in range(given.clients)]

    async def work(client: Client) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await client.ask()
        client.close()

    await asyncio.gather(*(work(client) for client in clients))
    return outcome


def measure(server_type: str, given: argparse.Namespace) -> dict[str, float]:
    parameters = {
        "DRUM_SERVER_TYPE": server_type,
        "DRUM_GUNICORN_KEEP_ALIVE": 5,
        "CUSTOM_MODEL_WORKERS": given.workers,
        MAX_REQUESTS[server_type]: given.max_requests,
        f"{MAX_REQUESTS[server_type]}_JITTER": given.max_requests // 10,
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custom.py").write_text(CUSTOM)
        with serving(folder, parameters) as (_pid, port):
            started = time.perf_counter()
            outcome = asyncio.run(load(port, given))
            return figures_of(outcome, time.perf_counter() - started)


def figures_of(outcome: Outcome, seconds: float) -> dict[str, float]:
    """To be called while the server runs: a process that is gone has been replaced."""
    for name, count in outcome.failures.items():
        print(f"{count} failures: {name}", file=sys.stderr)
    return {
        "requests": outcome.processes.total() + outcome.failures.total(),
        "seconds": seconds,
        "processes that answered": len(outcome.processes),
        "of these replaced": sum(not psutil.pid_exists(pid) for pid in outcome.processes),
        "failures": outcome.failures.total(),
    }


def bars_of(figures: dict[str, float]) -> list[Bar]:
    failures, replaced = "failures", "of these replaced"
    return [
        Bar(failures, figures[failures], 0, at_most=True),
        Bar("processes replaced", figures[replaced], 1),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn"])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--max-requests", type=int, default=2_000, help="of one worker")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    figures = {server: measure(server, given) for server in given.servers}
    show(figures, given.output)
    return judge({name: bars_of(one) for name, one in figures.items()})


if __name__ == "__main__":
    sys.exit(main())
