"""What a model that is loaded before the workers fork saves: memory with preloading on and off.

A regression pipeline that carries a large numpy array, several workers; every one of them
predicts before it is looked at. Shown: the PSS of the whole server (shared pages count by their
share) against that of the same server with one worker. Exit status 1: it is more than it may be.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from served import serving, show
from verdict import Bar, judge

BODY = b"a,b\n" + b"1.5,2.5\n" * 10
ASKS = 50


def make_model(folder: str, megabytes: int) -> None:
    """A regression whose pickle holds an array, as a forest's or a neighbours' does."""
    import numpy as np
    import pandas as pd
    from sklearn.neighbors import KNeighborsRegressor

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 0.0]})
    model = KNeighborsRegressor(n_neighbors=1).fit(frame, [1.0, 2.0, 3.0])
    model.table_ = np.random.default_rng(0).random(megabytes * 2**20 // 8)
    Path(folder, "model.pkl").write_bytes(pickle.dumps(model, protocol=5))


def predict(port: int) -> None:
    headers = {"Content-Type": "text/csv"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predict/", BODY, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def family(pid: int) -> list[psutil.Process]:
    main = psutil.Process(pid)
    return [main, *main.children(recursive=True)]


def settled_pss(pid: int, port: int, processes: int) -> int:
    """Bytes of the whole server, once all its workers are there and nothing grows any more."""
    before = -1
    while True:
        for _ in range(ASKS):
            predict(port)
        members = family(pid)
        now = sum(one.memory_full_info().pss for one in members)
        if len(members) == processes and abs(now - before) < 0.01 * now:
            return now
        before = now
        time.sleep(1)


def pss(server_type: str, folder: str, workers: int, preload: str) -> float:
    """MB. One worker without preloading is the process itself on fastapi."""
    processes = workers if (server_type, workers) == ("fastapi", 1) else workers + 1
    parameters = {
        "DRUM_SERVER_TYPE": server_type,
        "CUSTOM_MODEL_WORKERS": workers,
        "DRUM_PRELOAD_MODEL": preload,
    }
    with serving(folder, parameters) as (pid, port):
        return settled_pss(pid, port, processes) / 2**20


def measure(server_type: str, folder: str, given: argparse.Namespace) -> dict[str, float]:
    alone = pss(server_type, folder, 1, "off")
    shared = pss(server_type, folder, given.workers, "on")
    figures = {
        "artifact, MB": given.megabytes,
        "PSS of 1 worker, MB": alone,
        f"{given.workers} workers, preload, MB": shared,
        "preload / 1 worker": shared / alone,
    }
    if not given.only_on:
        apart = pss(server_type, folder, given.workers, "off")
        figures[f"{given.workers} workers, no preload, MB"] = apart
        figures["no preload / 1 worker"] = apart / alone
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn"])
    parser.add_argument("--megabytes", type=int, default=500, help="of the artifact")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only-on", action="store_true", help="leave out preloading off")
    parser.add_argument("--at-most", type=float, default=1.5, help="the bar: preload / 1 worker")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_model(folder, given.megabytes)
        figures = {server: measure(server, folder, given) for server in given.servers}
    show(figures, given.output)
    ratio = "preload / 1 worker"
    return judge(
        {name: [Bar(ratio, one[ratio], given.at_most, True)] for name, one in figures.items()}
    )


if __name__ == "__main__":
    sys.exit(main())
