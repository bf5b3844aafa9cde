"""Figures of a run: kept, printed as tables with ratios, and written as JSON."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

OWN = ("numpy", "pandas", "scikit-learn", "orjson", "flask", "gunicorn", "fastapi", "uvicorn")


class Case(NamedTuple):
    model: str
    rows: int
    clients: int

    @property
    def name(self) -> str:
        return f"{self.model}:{self.rows}:{self.clients}"


@dataclass
class Cell:
    """One target in one case: figures by turn. CPU in microseconds a request, latency in ms."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    latency: list[dict[str, float]] = field(default_factory=list)

    def add(
        self,
        answers: int,
        seconds: float,
        cpu: float,
        wrong: int = 0,
        latency: dict[str, float] | None = None,
    ) -> None:
        answers = max(answers, 1)
        self.rates.append(answers / seconds)
        self.cpu.append(cpu / answers * 1e6)
        self.latency.append({name: value * 1e3 for name, value in (latency or {}).items()})

    @property
    def rate(self) -> float:
        """Requests a second."""
        return statistics.median(self.rates)

    @property
    def cpu_per_request(self) -> float:
        """Microseconds."""
        return statistics.median(self.cpu)

    def percentile(self, name: str) -> float:
        """Milliseconds; NaN where it was not measured."""
        found = [turn[name] for turn in self.latency if name in turn]
        return statistics.median(found) if found else float("nan")


Table = dict[str, Cell]


def own_versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in OWN}
    return {"python": platform.python_version(), **found}


def show(case: Case, table: Table, reference: str) -> None:
    """Print a case; ratios are to ``reference``, or to the first target without it."""
    base = table.get(reference) or next(iter(table.values()))
    print(f"\n{case.model}: {case.rows:,} row(s), {case.clients} client(s)")
    head = f"{'requests/s':>12}{'(least-most)':>18}{'ratio':>8}{'CPU us':>11}{'ratio':>8}"
    print(f"{'':32}{head}{'p50 ms':>9}{'p99 ms':>9}")
    for name, cell in table.items():
        span = f"({min(cell.rates):,.5g}-{max(cell.rates):,.5g})"
        print(
            f"{name:32}{cell.rate:>12,.5g}{span:>18}{cell.rate / base.rate:>8.2f}"
            f"{cell.cpu_per_request:>11,.0f}{cell.cpu_per_request / base.cpu_per_request:>8.2f}"
            f"{cell.percentile('50'):>9.2f}{cell.percentile('99'):>9.2f}",
            flush=True,
        )


def write(
    path: Path,
    tables: Mapping[Case, Table],
    versions: Mapping[str, Mapping[str, str]],
    generator: str,
) -> None:
    cases = [
        {**case._asdict(), "targets": {name: asdict(cell) for name, cell in table.items()}}
        for case, table in tables.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"versions": versions, "load_generator": generator, "cases": cases}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"\nwritten: {path}")


def read(path: Path) -> dict[Case, Table]:
    """What ``write`` wrote."""
    return {
        Case(case["model"], case["rows"], case["clients"]): {
            name: Cell(**cell) for name, cell in case["targets"].items()
        }
        for case in json.loads(path.read_text())["cases"]
    }
