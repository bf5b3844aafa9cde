"""Does a server keep what it should let go? RSS after a warm-up against RSS at the end.

A regression pipeline is asked for many predictions over kept connections. Shown: resident
memory of the whole server after a tenth of the requests and after all of them. Exit status 1:
it grew by more than it may.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import sys
import tempfile
import time
from pathlib import Path

import psutil
from overload import Client
from served import serving, show
from verdict import Bar, judge

BODY = b"a,b\n" + b"1.5,2.5\n" * 10
# The first thousand predictions fill caches, pools and arenas; what comes later should not stay.
# Tenths that are shorter would show the filling.
FEWEST = 10_000


def make_model(folder: str) -> None:
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 0.0]})
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, [1, 2, 3])
    Path(folder, "model.pkl").write_bytes(pickle.dumps(model))


def rss(process: psutil.Process) -> int:
    """Bytes of the server and its workers."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_info().rss for one in family)


async def predict(port: int, count: int, clients: int) -> None:
    client, left = Client(port), count

    async def one() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            status = await client.ask("POST", "/predict/", BODY)
            assert status == 200, status

    await asyncio.gather(*(one() for _ in range(clients)))
    client.close()


def measure(server_type: str, given: argparse.Namespace) -> dict[str, float]:
    parameters = {"DRUM_SERVER_TYPE": server_type, "DRUM_GUNICORN_KEEP_ALIVE": 5}
    with tempfile.TemporaryDirectory() as folder:
        make_model(folder)
        with serving(folder, parameters) as (pid, port):
            return run(psutil.Process(pid), port, given)


def run(process: psutil.Process, port: int, given: argparse.Namespace) -> dict[str, float]:
    started = time.perf_counter()
    warm_up = given.predictions // 10
    asyncio.run(predict(port, warm_up, given.clients))
    warm = rss(process)
    asyncio.run(predict(port, given.predictions - warm_up, given.clients))
    end = rss(process)
    return {
        "predictions": given.predictions,
        "seconds": time.perf_counter() - started,
        "RSS after warm-up, MB": warm / 2**20,
        "RSS at the end, MB": end / 2**20,
        "end / warm-up": end / warm,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn", "flask"])
    parser.add_argument("--predictions", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--at-most", type=float, default=1.05, help="the bar: end / warm-up")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    if given.predictions < FEWEST:
        parser.error(f"a tenth of {given.predictions} is no warm-up: at least {FEWEST}")
    figures = {server: measure(server, given) for server in given.servers}
    show(figures, given.output)
    ratio = "end / warm-up"
    return judge(
        {name: [Bar(ratio, one[ratio], given.at_most, True)] for name, one in figures.items()}
    )


if __name__ == "__main__":
    sys.exit(main())
