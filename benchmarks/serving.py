"""The three servers against a loop in one process of the same model.

The model is examples/diabetes_regression: a linear pipeline, so that the server's own cost is
what is left. Servers are pinned to one CPU and the load to another; connections are kept open;
every answer is compared with the model's own. The targets take turns, several times, and the
medians are shown: figures of one run may be compared with each other, and with no other run's.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load import generator
from loop import answerer
from targets import LOAD_CPU, SERVER_CPU, Target, constant_server, drum_server, pinned

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "diabetes_regression"
RESULTS = HERE / "results"
SERVERS = ("flask", "gunicorn", "fastapi")
LOOP = "loop, no server"
CASES = ((1, 1), (1, 32), (1000, 4))
VERSIONS = ["numpy", "pandas", "scikit-learn", "orjson", "flask", "gunicorn", "fastapi", "uvicorn"]


@dataclass
class Cell:
    """One target in one case: a figure per round."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, answers: int, seconds: float, cpu_seconds: float) -> None:
        self.rates.append(answers / seconds)
        self.cpu.append(cpu_seconds / answers * 1e6)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return statistics.median(self.rates)

    @property
    def cpu_per_request(self) -> float:
        """Microseconds."""
        return statistics.median(self.cpu)


Table = dict[str, Cell]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one load (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each target (default 5)")
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--output", type=Path, help="JSON file (default: in benchmarks/results)")
    given = parser.parse_args()
    describe()
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder))
        tables = {
            case: measure(Path(folder), *case, given.servers, given.rounds, given.seconds)
            for case in CASES
        }
    write(given.output or RESULTS / time.strftime("serving-%Y%m%d-%H%M%S.json"), tables)
    return 0


def describe() -> None:
    print(" ".join(f"{name} {version}" for name, version in versions().items()))
    where = "nothing is pinned" if SERVER_CPU is None else f"server on CPU {SERVER_CPU}"
    load = "" if LOAD_CPU is None else f", load from CPU {LOAD_CPU}"
    print(f"{where}{load}; load generator: {generator()}")


def versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in VERSIONS}
    return {"python": platform.python_version(), **found}


def train(folder: Path) -> None:
    sys.path.insert(0, str(EXAMPLE))
    import train as example

    example.main(folder)


def rows(count: int) -> bytes:
    """The first ``count`` patients as CSV, repeated where there are not as many."""
    import pandas as pd
    from sklearn.datasets import load_diabetes

    patients, _ = load_diabetes(return_X_y=True, as_frame=True)
    repeated = pd.concat([patients] * (count // len(patients) + 1))
    return repeated.head(count).to_csv(index=False).encode()


def measure(
    folder: Path, row_count: int, clients: int, servers: list[str], rounds: int, seconds: float
) -> Table:
    body = rows(row_count)
    expected = answerer(folder, body)()
    for name, content in (("body", body), ("expected", expected)):
        (folder / name).write_bytes(content)
    table: Table = {LOOP: Cell()}
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(drum_server(server, folder)) for server in servers]
        targets.append(stack.enter_context(constant_server(expected)))
        for target in targets:
            check(target, body, expected)
            load(target, folder, clients, min(seconds, 1.0))
        for _ in range(rounds):
            table[LOOP].add(*run_loop(folder, seconds))
            for target in targets:
                table.setdefault(target.name, Cell()).add(*load(target, folder, clients, seconds))
    show(f"{row_count:,} row(s), {clients} client(s)", table)
    return table


def check(target: Target, body: bytes, expected: bytes) -> None:
    if target.ask(body) != expected:
        sys.exit(f"{target.name} does not answer what the model answers")


def load(target: Target, folder: Path, clients: int, seconds: float) -> tuple[int, float, float]:
    """(answers, seconds, CPU seconds of the server)"""
    words = [target.url, str(folder / "body"), str(folder / "expected")]
    before = target.cpu_seconds()
    result = run("load.py", LOAD_CPU, *words, "--clients", str(clients), "--seconds", str(seconds))
    used = target.cpu_seconds() - before
    if result["wrong"]:
        sys.exit(f"{target.name}: {result['wrong']} of {result['answers']} answers were wrong")
    return result["answers"], result["seconds"], used


def run_loop(folder: Path, seconds: float) -> tuple[int, float, float]:
    words = [str(folder), str(folder / "body"), str(folder / "expected")]
    result = run("loop.py", SERVER_CPU, *words, "--seconds", str(seconds))
    return result["answers"], result["seconds"], result["cpu"]


def run(program: str, cpu: int | None, *words: str) -> Any:
    command = [sys.executable, str(HERE / program), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=pinned(cpu))
    return json.loads(done.stdout)


def show(title: str, table: Table) -> None:
    base = table[LOOP]
    print(f"\n{title}")
    print(f"{'':22}{'requests/s':>12}{'(least-most)':>16}{'x loop':>8}{'CPU us':>10}{'x loop':>8}")
    for name, cell in table.items():
        span = f"({min(cell.rates):.0f}-{max(cell.rates):.0f})"
        print(
            f"{name:22}{cell.rate:>12,.0f}{span:>16}{cell.rate / base.rate:>8.2f}"
            f"{cell.cpu_per_request:>10,.0f}{cell.cpu_per_request / base.cpu_per_request:>8.2f}",
            flush=True,
        )


def write(path: Path, tables: dict[tuple[int, int], Table]) -> None:
    cases = [
        {
            "rows": row_count,
            "clients": clients,
            "targets": {
                name: {"requests_per_second": cell.rates, "cpu_us_per_request": cell.cpu}
                for name, cell in table.items()
            },
        }
        for (row_count, clients), table in tables.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"versions": versions(), "load_generator": generator(), "cases": cases}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    sys.exit(main())
