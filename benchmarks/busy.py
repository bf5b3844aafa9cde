"""How long the status routes take while a hook computes in pure Python.

Such a hook holds the interpreter: whoever else of its process wants it waits 5 ms (the switch
interval), and again after each system call in which it let go. Shown: median and 95th percentile
of each status route, each asked on a connection of its own. Exit status 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

from overload import ask_status_routes, closed_loop, percentile
from served import serving, show
from verdict import Bar, judge

CUSTOM = """
import time
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    end, total = time.perf_counter() + 0.5, 0
    while time.perf_counter() < end:
        total += sum(number * number for number in range(1000))
    return pd.DataFrame({"Predictions": [float(total)] * len(data)})
"""
ROUTES = ("/livez", "/readyz", "/ping/", "/health/", "/info/", "/capabilities/", "/stats/")
ROUTES += ("/metrics", "/v2", "/v2/health/live", "/v2/health/ready")
# So many for each worker: its model has the next one as soon as it is done.
CLIENTS = 2


async def measure(port: int, given: argparse.Namespace) -> dict[str, float]:
    # Longer than the status routes are asked.
    load = asyncio.create_task(closed_loop(port, CLIENTS * given.workers, given.seconds + 2))
    await asyncio.sleep(1)
    times = await asyncio.to_thread(ask_status_routes, port, given.seconds, ROUTES)
    outcome = await load
    medians = {route: statistics.median(taken) * 1e3 for route, taken in times.items()}
    late = {route: percentile(taken, 0.95) * 1e3 for route, taken in times.items()}
    return {
        **{f"{route} median, ms": median for route, median in medians.items()},
        **{f"{route} p95, ms": taken for route, taken in late.items()},
        "slowest median, ms": max(medians.values()),
        "slowest p95, ms": max(late.values()),
        "asked of each": min(len(taken) for taken in times.values()),
        "predictions": len(outcome.accepted),
        "other answers": outcome.statuses.total() - len(outcome.accepted),
    }


def bars_of(figures: dict[str, float], given: argparse.Namespace) -> list[Bar]:
    median, late = figures["slowest median, ms"], figures["slowest p95, ms"]
    return [
        Bar("median of the slowest status route, ms", median, given.median_ms, True),
        Bar("95th percentile of the slowest, ms", late, given.late_ms, True),
        Bar("predictions that failed", figures["other answers"], 0, True),
    ]


def serve_and_measure(server_type: str, given: argparse.Namespace) -> dict[str, float]:
    parameters: dict[str, object] = {"DRUM_SERVER_TYPE": server_type}
    if server_type != "flask":
        parameters["CUSTOM_MODEL_WORKERS"] = given.workers
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custom.py").write_text(CUSTOM)
        with serving(folder, parameters) as (_pid, port):
            return asyncio.run(measure(port, given))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn", "flask"])
    parser.add_argument("--workers", type=int, default=1, help="of fastapi and gunicorn")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--median-ms", type=float, default=50, help="the bar: slowest median")
    parser.add_argument("--late-ms", type=float, default=300, help="the bar: slowest p95")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    figures = {server: serve_and_measure(server, given) for server in given.servers}
    show(figures, given.output)
    return judge({name: bars_of(one, given) for name, one in figures.items()})


if __name__ == "__main__":
    sys.exit(main())
