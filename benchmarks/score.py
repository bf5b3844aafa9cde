"""`drum score` against the script that one would write in its place; and what else large tables
cost: the first request, and loading.

    score      `drum score` against `read_csv`, `predict`, `to_csv` in a process of its own, with
               the same interpreter: CPU of the process tree and peak memory
    first      the first request of a server against later ones: CPU of the process tree
    loading    a process that only loads the folder, against that of another checkout
               (`--baseline`): CPU

Six kinds of pipeline on tables with texts and gaps. Targets take turns and medians are compared;
the results of both are compared first, as numbers. Exit status 1: a bar is missed, or results
differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import report
from cost import Cost, cost_of, cpu_so_far, environment, taking_turns
from served import serving
from verdict import Bar, judge

HERE = Path(__file__).resolve().parent
# The other checkout has the same programs as this one.
CHECKOUT = HERE.parent
# Only names: the module itself is too heavy for a process whose children's memory is measured.
KINDS = ("linear", "boosted", "wide", "one-hot", "ordinal", "forest")
PARTS = ("score", "first", "loading")
ROWS = (1_000, 10_000, 100_000, 1_000_000)
QUICK_ROWS = (1_000, 100_000)
FIRST_ROWS = (1, 100_000)
LATER = 5
LOAD = """
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.utils.setup import setup_options

build_predictor(Settings.from_options(setup_options()).model)
"""
FRONTS = ("fastapi", "flask")

Bars = dict[str, list[Bar]]


class Kind(NamedTuple):
    """A kind of pipeline, made into a folder by `pipelines.py`."""

    name: str
    folder: Path

    @property
    def options(self) -> list[str]:
        found: list[str] = json.loads((self.folder / "options.json").read_text())
        return found

    def model(self, rows: int) -> Path:
        return self.folder / f"model-{rows}"

    def rows(self, rows: int) -> Path:
        return self.folder / f"{rows}.csv"

    def words(self, rows: int) -> list[str]:
        """Of `drum score`."""
        files = ["--code-dir", str(self.model(rows)), "--input", str(self.rows(rows))]
        return ["score", *files, *self.options]


def pipelines(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the peak memory of a child is at least that of its parent."""
    command = [sys.executable, str(HERE / "pipelines.py"), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment())


@contextmanager
def prepared(name: str, sizes: list[int]) -> Iterator[Kind]:
    with tempfile.TemporaryDirectory() as folder:
        pipelines("prepare", folder, name, *map(str, sizes)).check_returncode()
        yield Kind(name, Path(folder))


def score(kind: Kind, rows: int, turns: int) -> dict[str, Cost]:
    """Costs of `drum score` and of the script.

    Raises:
        RuntimeError: one of them failed, or their results differ.
    """
    ours, theirs = kind.folder / "ours.csv", kind.folder / "theirs.csv"
    drum = [sys.executable, "-m", "datarobot_drum", *kind.words(rows), "--output", str(ours)]
    script = [sys.executable, str(kind.folder / "script.py")]
    script += [str(kind.model(rows) / "model.pkl"), str(kind.rows(rows)), str(theirs)]
    variables = environment(CHECKOUT)
    targets = {
        "drum": lambda: cost_of(drum, variables),
        "script": lambda: cost_of(script, variables),
    }
    # The turn that fills caches: of files, and of bytecode.
    taking_turns(targets, 1)
    compared = pipelines("compare", str(ours), str(theirs))
    if compared.returncode:
        raise RuntimeError(f"results of {kind.name}, {rows} rows, differ: {compared.stdout}")
    return taking_turns(targets, turns)


def score_bars(kind: Kind, rows: int, turns: int) -> list[Bar]:
    costs = score(kind, rows, turns)
    drum, script = costs["drum"], costs["script"]
    print(
        f"{kind.name:10}{rows:>10,}{drum.cpu:>9.2f}{script.cpu:>9.2f}{drum.cpu / script.cpu:>7.2f}"
        f"{drum.memory:>9.0f}{script.memory:>9.0f}{drum.memory / script.memory:>7.2f}",
        flush=True,
    )
    return [
        Bar("CPU x script", drum.cpu / script.cpu, 1.1, True),
        Bar("peak memory x script", drum.memory / script.memory, 1.1, True),
    ]


def ask(port: int, body: bytes) -> None:
    headers = {"Content-Type": "text/csv"}
    url = f"http://127.0.0.1:{port}/predict/"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        answer.read()


def requests(kind: Kind, rows: int, front: str) -> tuple[float, float]:
    """CPU seconds of a server for its first request, and the median of later ones."""
    body = kind.rows(rows).read_bytes()
    costs = []
    parameters = {"DRUM_SERVER_TYPE": front, "DRUM_MAX_UPLOAD_SIZE": 2**30}
    with serving(str(kind.model(rows)), parameters, kind.options) as (pid, port):
        for _ in range(1 + LATER):
            before = cpu_so_far(pid)
            ask(port, body)
            costs.append(cpu_so_far(pid) - before)
    return costs[0], statistics.median(costs[1:])


def first_bars(kind: Kind, rows: int, turns: int) -> list[Bar]:
    bars = []
    for front in FRONTS:
        found = [requests(kind, rows, front) for _ in range(turns)]
        first, later = (statistics.median(values) for values in zip(*found, strict=True))
        print(
            f"{kind.name:10}{rows:>10,}{front:>10}{first * 1e3:>9.1f}{later * 1e3:>9.1f}"
            f"{first / later:>7.2f}",
            flush=True,
        )
        bars.append(Bar(f"first request x a later one, {front}", first / later, 1.5, True))
    return bars


def loading_bars(kind: Kind, turns: int, baseline: Path) -> list[Bar]:
    command = [sys.executable, "-c", LOAD, *kind.words(1_000)]
    here, there = environment(CHECKOUT), environment(baseline)
    targets = {"here": lambda: cost_of(command, here), "there": lambda: cost_of(command, there)}
    taking_turns(targets, 1)
    costs = taking_turns(targets, turns)
    ratio = costs["here"].cpu / costs["there"].cpu
    print(f"{kind.name:10}{costs['here'].cpu:>9.3f}{costs['there'].cpu:>9.3f}{ratio:>7.2f}")
    return [Bar("loading x the baseline, CPU", ratio, 1.1, True)]


def measure(kind: Kind, given: argparse.Namespace) -> Bars:
    bars: Bars = {}
    if "score" in given.parts:
        print(f"{'':20}{'CPU s':>9}{'script':>9}{'ratio':>7}{'MB':>9}{'script':>9}{'ratio':>7}")
        for rows in given.rows:
            turns = given.turns if rows < ROWS[-1] else min(given.turns, 3)
            bars[f"{kind.name} {rows}"] = score_bars(kind, rows, turns)
    if "first" in given.parts:
        print(f"{'':30}{'first ms':>9}{'later':>9}{'ratio':>7}")
        for rows in given.served_rows:
            bars[f"{kind.name} {rows}, served"] = first_bars(kind, rows, min(given.turns, 3))
    if "loading" in given.parts and given.baseline is not None:
        print(f"{'':10}{'CPU s':>9}{'baseline':>9}{'ratio':>7}")
        bars[f"{kind.name}, loaded"] = loading_bars(kind, given.turns, given.baseline)
    return bars


def write(path: Path, bars: Bars) -> None:
    content: dict[str, Any] = {"versions": report.own_versions()}
    content["ratios"] = {
        name: {bar.what: bar.value for bar in found} for name, found in bars.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS, help="of the files to score")
    parser.add_argument("--served-rows", nargs="+", type=int, default=FIRST_ROWS)
    parser.add_argument("--turns", type=int, default=5, help="at most 3 where one takes long")
    parser.add_argument("--quick", action="store_true", help="1,000 and 100,000 rows, two turns")
    parser.add_argument("--baseline", type=Path, help="another checkout; without: no loading")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "score.json")
    given = parser.parse_args()
    if given.quick:
        given.rows, given.turns = QUICK_ROWS, 2
    print(", ".join(f"{name} {version}" for name, version in report.own_versions().items()))
    bars: Bars = {}
    for name in given.kinds:
        print()
        with prepared(name, sorted({*given.rows, *given.served_rows, ROWS[0]})) as kind:
            bars |= measure(kind, given)
    write(given.output, bars)
    return judge(bars)


if __name__ == "__main__":
    sys.exit(main())
