"""CSV bodies read by us, by `pandas.read_csv` and by pyarrow, by size and shape.

CPU time per body, the readers taking turns; each result is compared with pandas' first, and a
reader whose result differs is marked. Numbers vary like measurements do: all digits, no pattern
that a CPU could learn.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import report

from datarobot_drum.drum.prediction.payload.csv.reader import read_csv

RESULTS = Path(__file__).resolve().parent / "results"
SIZES = ((1, 10), (10, 10), (100, 10), (1_000, 10), (3_000, 10), (10_000, 10), (100_000, 10))
Reader = Callable[[bytes], pd.DataFrame]


def floats(rows: int, columns: int) -> pd.DataFrame:
    numbers = np.random.default_rng(rows).normal(size=(rows, columns))
    return pd.DataFrame(numbers, columns=[f"column{i}" for i in range(columns)])


def integers(rows: int, columns: int) -> pd.DataFrame:
    return (floats(rows, columns) * 1e6).astype("int64")


def mixed(rows: int, columns: int) -> pd.DataFrame:
    """Half text, and every tenth number missing."""
    frame = floats(rows, columns)
    frame = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1)
    for name in frame.columns[::2]:
        frame[name] = np.resize(["Biscoe", "Dream", "Torgersen"], rows)
    return frame


SHAPES = {"floats": floats, "integers": integers, "mixed": mixed}


def with_pandas(body: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(body))


def with_pyarrow(body: bytes) -> pd.DataFrame:
    from pyarrow import BufferReader, csv

    options = csv.ReadOptions(use_threads=False, block_size=1 << 20)
    frame: pd.DataFrame = csv.read_csv(BufferReader(body), read_options=options).to_pandas()
    return frame


READERS: dict[str, Reader] = {"ours": read_csv, "pandas": with_pandas, "pyarrow": with_pyarrow}


def measure(body: bytes, turns: int) -> dict[str, float]:
    """Median CPU microseconds a body, by reader; NaN for one that reads something else."""
    expected = with_pandas(body)
    repeats = max(1, min(200, 2_000_000 // len(body)))
    times: dict[str, list[float]] = {}
    for _ in range(turns):
        for name, reader in READERS.items():
            started = time.process_time()
            for _ in range(repeats):
                reader(body)
            times.setdefault(name, []).append((time.process_time() - started) / repeats * 1e6)
    return {
        name: statistics.median(found) if READERS[name](body).equals(expected) else float("nan")
        for name, found in times.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--output", type=Path, default=RESULTS / "decode.json")
    given = parser.parse_args()
    print(", ".join(f"{name} {version}" for name, version in report.own_versions().items()))
    head = "".join(f"{f'{name} us':>14}{'ratio':>8}" for name in READERS)
    print(f"{'':26}{head}")
    results: list[dict[str, Any]] = []
    for shape, make in SHAPES.items():
        for rows, columns in SIZES:
            found = measure(make(rows, columns).to_csv(index=False).encode(), given.turns)
            results.append({"shape": shape, "rows": rows, "columns": columns, "cpu_us": found})
            base = found["pandas"]
            cells = "".join(f"{us:>14,.0f}{us / base:>8.2f}" for us in found.values())
            print(f"{shape:10}{rows:>8,} x {columns:<5}{cells}", flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"versions": report.own_versions(), "cases": results}
    given.output.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
