"""What a server does when asked for ten times of what it can.

A model that takes a fixed time behind a short queue. First the peak: a few clients that wait
for their answers. Then the same server gets requests at ten times its capacity, come what may
(an open loop: arrivals don't wait for answers), while another client asks status routes. Shown:
goodput against the peak, the slowest of the accepted requests against (queue depth + workers) x
service time, how long each status route took, and what was lost. Nothing is asked twice, so that
no lost answer is hidden. Exit status 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from served import serving, show
from verdict import Bar, judge

CUSTOM = """
import time
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    time.sleep({seconds})
    return pd.DataFrame({{"Predictions": [0.0] * len(data)}})
"""
BODY = b"a\n1\n"
STATUS_ROUTES = ("/livez", "/readyz", "/ping/", "/info/", "/stats/", "/metrics")
# Threads that run the model: one process with one such thread is measured.
WORKERS = 1
# No connection: what `Client.ask` tells in place of a status.
BROKEN = 0
# Seconds for the last answers: what has not come by then is lost.
TIMEOUT = 60.0
# The bound counts the model's own time only. To each call before a request in the queue come the
# sleep's overshoot, reading, the hand-over to the model's thread and the answer; and all of it
# shares the interpreter with nine refusals for each acceptance, and the machine with these clients.
SLACK = 1.5

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Outcome:
    """Answers by status, and the seconds that the accepted ones took."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        if status == 200:
            self.accepted.append(seconds)

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.accepted) / self.seconds

    def percentile(self, share: float) -> float:
        return percentile(self.accepted, share)


def percentile(values: list[float], share: float) -> float:
    """Not a number, which misses every bar, when there are none."""
    if not values:
        return math.nan
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


class Client:
    """Opens a connection when all that it keeps are in use; with ``keeps=False``, always."""

    def __init__(self, port: int, keeps: bool = True) -> None:
        self._port = port
        self._keeps = keeps
        self._free: list[Connection] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> int:
        """Send a request once; the answer's status, ``BROKEN`` when none came."""
        try:
            connection = self._kept() or await self._connect()
        except OSError:
            return BROKEN
        try:
            return await self._exchange(connection, method, path, body)
        except (OSError, EOFError):
            connection[1].close()
            return BROKEN

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()

    def _kept(self) -> Connection | None:
        """A connection that the server has not closed, as far as can be told before it is used."""
        while self._free:
            reader, writer = self._free.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return None

    async def _connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _exchange(self, connection: Connection, method: str, path: str, body: bytes) -> int:
        reader, writer = connection
        head = f"{method} {path} HTTP/1.1\r\nHost: b\r\nContent-Type: text/csv\r\n"
        head += "" if self._keeps else "Connection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if "content-length: " in answer:
            await reader.readexactly(int(answer.split("content-length: ")[1].split("\r\n")[0]))
        closes = "connection: close" in answer or answer.startswith("http/1.0")
        if closes or not self._keeps:
            writer.close()
        else:
            self._free.append(connection)
        return int(answer.split(" ")[1])


async def closed_loop(port: int, clients: int, seconds: float) -> Outcome:
    """As many clients, each waiting for its answer before it asks again."""
    client, outcome = Client(port), Outcome(seconds)
    start = time.perf_counter()

    async def one() -> None:
        while (started := time.perf_counter()) < start + seconds:
            outcome.add(await client.ask("POST", "/predict/", BODY), time.perf_counter() - started)

    await asyncio.gather(*(one() for _ in range(clients)))
    outcome.seconds = time.perf_counter() - start
    client.close()
    return outcome


async def open_loop(port: int, rate: float, seconds: float) -> Outcome:
    """Requests at a fixed rate, each on a connection of its own, whatever becomes of the earlier.

    The time of the last answers counts: the queue still fed the model then.
    """
    client, outcome = Client(port, keeps=False), Outcome(seconds)
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        started = time.perf_counter()
        outcome.add(await client.ask("POST", "/predict/", BODY), time.perf_counter() - started)

    start = time.perf_counter()
    sent = 0
    while (elapsed := time.perf_counter() - start) < seconds:
        while sent < elapsed * rate:
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.002)
    if tasks:
        await asyncio.wait(set(tasks), timeout=TIMEOUT)
    outcome.seconds = time.perf_counter() - start
    for task in set(tasks):
        task.cancel()
        outcome.add(BROKEN, TIMEOUT)
    return outcome


def ask_status_routes(
    port: int, seconds: float, routes: Sequence[str] = STATUS_ROUTES
) -> dict[str, list[float]]:
    """Seconds per route; runs in a process of its own, so that it measures the server alone."""
    script = """
import http.client, json, sys, time
port, seconds, routes = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
times = {route: [] for route in routes}
end = time.perf_counter() + seconds
while time.perf_counter() < end:
    for route in routes:
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", route)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times[route].append(time.perf_counter() - started)
        connection.close()
        time.sleep(0.01)
print(json.dumps(times))
"""
    words = [sys.executable, "-c", script, str(port), str(seconds), *routes]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    times: dict[str, list[float]] = json.loads(done.stdout)
    return times


async def measure(port: int, given: argparse.Namespace) -> dict[str, float]:
    capacity = WORKERS / given.service_time
    warm_up = await closed_loop(port, 4, 1.0)
    peak = await closed_loop(port, 4, given.seconds)
    watched = max(given.seconds - 1, given.seconds / 2)
    watcher = asyncio.create_task(asyncio.to_thread(ask_status_routes, port, watched))
    flood = await open_loop(port, capacity * given.factor, given.seconds)
    statuses = warm_up.statuses + peak.statuses + flood.statuses
    bound = (given.depth + WORKERS) * given.service_time
    return {
        "peak goodput, 1/s": peak.goodput,
        "offered, 1/s": flood.statuses.total() / given.seconds,
        "goodput, 1/s": flood.goodput,
        "goodput / peak": flood.goodput / peak.goodput,
        "accepted p50, ms": flood.percentile(0.5) * 1e3,
        "accepted p99, ms": flood.percentile(0.99) * 1e3,
        "bound: depth + workers, ms": bound * 1e3,
        "accepted p99 / bound": flood.percentile(0.99) / bound,
        "told 503": flood.statuses[503],
        "broken connections": statuses[BROKEN],
        "neither 200 nor 503": statuses.total() - sum(statuses[one] for one in (BROKEN, 200, 503)),
        **status_figures(await watcher),
    }


def status_figures(times: dict[str, list[float]]) -> dict[str, float]:
    medians = {route: statistics.median(taken) * 1e3 for route, taken in times.items()}
    slowest = max(medians, key=lambda route: medians[route])
    return {
        **{f"{route} median, ms": median for route, median in medians.items()},
        "slowest route's median, ms": medians[slowest],
        "slowest route's p99, ms": percentile(times[slowest], 0.99) * 1e3,
    }


def bars_of(figures: dict[str, float], given: argparse.Namespace) -> list[Bar]:
    median = figures["slowest route's median, ms"]
    route = next(name for name in STATUS_ROUTES if figures[f"{name} median, ms"] == median)
    late = f"accepted p99 / ((depth {given.depth} + workers {WORKERS}) x service time)"
    none = ("broken connections", "neither 200 nor 503")
    return [
        Bar("goodput / peak", figures["goodput / peak"], given.goodput),
        Bar(f"{late}, slack {given.slack:g}", figures["accepted p99 / bound"], given.slack, True),
        Bar(f"median of the slowest status route, {route}, ms", median, given.status_ms, True),
        *(Bar(name, figures[name], 0, True) for name in none),
    ]


def serve_and_measure(server_type: str, given: argparse.Namespace) -> dict[str, float]:
    parameters = {
        "DRUM_SERVER_TYPE": server_type,
        "DRUM_EXECUTOR_QUEUE_DEPTH": given.depth,
        "DRUM_GUNICORN_KEEP_ALIVE": 5,
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custom.py").write_text(CUSTOM.format(seconds=given.service_time))
        with serving(folder, parameters) as (_pid, port):
            return asyncio.run(measure(port, given))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn", "flask"])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--service-time", type=float, default=0.02, help="seconds of the model")
    parser.add_argument("--depth", type=int, default=16, help="requests that may wait")
    parser.add_argument("--factor", type=float, default=10, help="times the capacity")
    parser.add_argument("--goodput", type=float, default=0.9, help="the bar: goodput / peak")
    parser.add_argument("--slack", type=float, default=SLACK, help="the bar: accepted p99 / bound")
    parser.add_argument(
        "--status-ms", type=float, default=50, help="the bar: slowest route's median"
    )
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    figures = {server: serve_and_measure(server, given) for server in given.servers}
    show(figures, given.output)
    return judge({name: bars_of(one, given) for name, one in figures.items()})


if __name__ == "__main__":
    sys.exit(main())
