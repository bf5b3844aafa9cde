"""What a server does when asked for ten times of what it can.

A model that takes a fixed time behind a short queue. First the peak: a few clients that wait
for their answers. Then the same server gets requests at ten times its capacity, come what may
(an open loop: arrivals don't wait for answers), while another client asks status routes. Shown:
goodput against the peak, the slowest of the accepted requests against queue depth x service
time, and how long status routes took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from served import serving, show

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


@dataclass
class Outcome:
    """Answers by status, and the seconds that the accepted ones took."""

    seconds: float
    statuses: dict[int, int] = field(default_factory=dict)
    accepted: list[float] = field(default_factory=list)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            self.accepted.append(seconds)

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.accepted) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.accepted)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Client:
    """Keeps connections and opens another when all are in use."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> int:
        """Send a request; the answer's status, 0 when the connection broke."""
        for _ in range(2):
            fresh = not self._free
            try:
                connection = await self._connect() if fresh else self._free.pop()
                return await self._exchange(connection, method, path, body)
            except (OSError, EOFError, asyncio.IncompleteReadError, IndexError):
                # A kept connection may have been closed by the server meanwhile.
                if fresh:
                    return 0
        return 0

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _exchange(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        method: str,
        path: str,
        body: bytes,
    ) -> int:
        reader, writer = connection
        head = f"{method} {path} HTTP/1.1\r\nHost: b\r\nContent-Type: text/csv\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if "content-length: " in answer:
            await reader.readexactly(int(answer.split("content-length: ")[1].split("\r\n")[0]))
        if "connection: close" in answer or answer.startswith("http/1.0"):
            writer.close()
        else:
            self._free.append(connection)
        return int(answer.split(" ")[1])


async def closed_loop(port: int, clients: int, seconds: float) -> Outcome:
    """As many clients, each waiting for its answer before it asks again."""
    client, outcome = Client(port), Outcome(seconds)
    end = time.perf_counter() + seconds

    async def one() -> None:
        while (started := time.perf_counter()) < end:
            outcome.add(await client.ask("POST", "/predict/", BODY), time.perf_counter() - started)

    await asyncio.gather(*(one() for _ in range(clients)))
    return outcome


async def open_loop(port: int, rate: float, seconds: float) -> Outcome:
    """Requests at a fixed rate, whatever becomes of the earlier ones."""
    client, outcome = Client(port), Outcome(seconds)
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
    outcome.seconds = time.perf_counter() - start
    await asyncio.gather(*tasks)
    return outcome


def ask_status_routes(port: int, seconds: float) -> dict[str, list[float]]:
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
    words = [sys.executable, "-c", script, str(port), str(seconds), *STATUS_ROUTES]
    done = subprocess.run(words, capture_output=True, check=True)
    times: dict[str, list[float]] = json.loads(done.stdout)
    return times


async def measure(port: int, given: argparse.Namespace) -> dict[str, float]:
    capacity = 1 / given.service_time
    await closed_loop(port, 4, 1.0)
    peak = await closed_loop(port, 4, given.seconds)
    watcher = asyncio.create_task(asyncio.to_thread(ask_status_routes, port, given.seconds - 1))
    flood = await open_loop(port, capacity * given.factor, given.seconds)
    times = [one for route in (await watcher).values() for one in route]
    bound = (given.depth + 1) * given.service_time
    return {
        "peak goodput, 1/s": peak.goodput,
        "offered, 1/s": capacity * given.factor,
        "answered in time, 1/s": sum(flood.statuses.values()) / flood.seconds,
        "goodput, 1/s": flood.goodput,
        "goodput / peak": flood.goodput / peak.goodput,
        "accepted p50, ms": flood.percentile(0.5) * 1e3,
        "accepted p99, ms": flood.percentile(0.99) * 1e3,
        "depth x service time, ms": bound * 1e3,
        "accepted p99 / bound": flood.percentile(0.99) / bound,
        "told 503": flood.statuses.get(503, 0),
        "broken connections": flood.statuses.get(0, 0),
        "status routes' median, ms": statistics.median(times) * 1e3,
        "status routes' p99, ms": sorted(times)[int(len(times) * 0.99)] * 1e3,
    }


def serve_and_measure(server_type: str, given: argparse.Namespace) -> dict[str, float]:
    parameters = {
        "DRUM_SERVER_TYPE": server_type,
        "DRUM_FASTAPI_EXECUTOR_QUEUE_DEPTH": given.depth,
        "DRUM_GUNICORN_KEEP_ALIVE": 5,
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custom.py").write_text(CUSTOM.format(seconds=given.service_time))
        with serving(folder, parameters) as (_pid, port):
            return asyncio.run(measure(port, given))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn", "flask"])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--service-time", type=float, default=0.02, help="seconds of the model")
    parser.add_argument("--depth", type=int, default=16, help="requests that may wait")
    parser.add_argument("--factor", type=float, default=10, help="times the capacity")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    figures = {server: serve_and_measure(server, given) for server in given.servers}
    show(figures, given.output)


if __name__ == "__main__":
    main()
