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
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import report

from datarobot_drum.drum.prediction.payload.csv.reader import read_csv

RESULTS = Path(__file__).resolve().parent / "results"
# The columns: numbers, texts (of few values, of many, dates, booleans), and gaps among all of them.
SHAPES: dict[str, tuple[int, int, bool]] = {
    "10 numbers": (10, 0, False),
    "10 numbers, gaps": (10, 0, True),
    "10 numbers + 5 texts, gaps": (10, 5, True),
    "500 numbers": (500, 0, False),
    "500 numbers + 20 texts, gaps": (500, 20, True),
    "10 integers": (-10, 0, False),
    "10 texts, booleans, dates": (0, 10, False),
    "200 texts, booleans, dates, gaps": (0, 200, True),
}
ROWS = (1, 100, 1_000, 20_000)
# More would not tell more, and takes long.
MOST_CELLS = 3_000_000
Reader = Callable[[bytes], pd.DataFrame]


def numbers(rows: int, columns: int) -> pd.DataFrame:
    values = np.random.default_rng(rows).normal(size=(rows, abs(columns)))
    frame = pd.DataFrame(values, columns=[f"column{i}" for i in range(abs(columns))])
    return frame if columns >= 0 else (frame * 1e6).astype("int64")


def texts(rows: int, columns: int) -> pd.DataFrame:
    draw = np.random.default_rng(rows)
    of_few = np.array(["Biscoe", "Dream", "Torgersen", "a, quoted one"], dtype=object)
    days = np.datetime64("2020-01-01") + draw.integers(0, 1000, rows)
    kinds = (
        of_few[draw.integers(0, 4, rows)],
        draw.random(rows) < 0.5,
        days.astype(str),
        [f"customer {number} of some shop" for number in draw.integers(0, 10**9, rows)],
        draw.random(rows) < 0.5,
    )
    return pd.DataFrame({f"text{i}": np.asarray(kinds[i % 5]) for i in range(columns)})


def table(shape: str, rows: int) -> bytes:
    """A body of that shape; every tenth cell is a gap where it has some."""
    number, text, gaps = SHAPES[shape]
    frame = pd.concat([numbers(rows, number), texts(rows, text)], axis=1)
    if gaps:
        kept = np.random.default_rng(0).random(frame.shape) < 0.9
        frame = frame.astype(object).where(kept)
    return frame.to_csv(index=False).encode()


def with_pandas(body: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(body))


def with_pyarrow(body: bytes) -> pd.DataFrame:
    from pyarrow import BufferReader, csv

    options = csv.ReadOptions(use_threads=False, block_size=1 << 20)
    frame: pd.DataFrame = csv.read_csv(BufferReader(body), read_options=options).to_pandas()
    return frame


READERS: dict[str, Reader] = {"ours": read_csv, "pandas": with_pandas}
if find_spec("pyarrow") is not None:
    READERS["pyarrow"] = with_pyarrow


def measure(body: bytes, turns: int) -> dict[str, float]:
    """Median CPU microseconds a body, by reader; NaN for one that reads something else."""
    expected = with_pandas(body)
    repeats = max(1, min(100, 500_000 // len(body)))
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
    print(f"{'':33}{'rows':>7}{head}")
    results: list[dict[str, Any]] = []
    for shape, rows in product(SHAPES, ROWS):
        number, text, _ = SHAPES[shape]
        if rows * (abs(number) + text) > MOST_CELLS:
            continue
        found = measure(table(shape, rows), given.turns)
        results.append({"shape": shape, "rows": rows, "cpu_us": found})
        base = found["pandas"]
        cells = "".join(f"{us:>14,.0f}{us / base:>8.2f}" for us in found.values())
        print(f"{shape:33}{rows:>7,}{cells}", flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"versions": report.own_versions(), "cases": results}
    given.output.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
