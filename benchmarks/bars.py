"""What we want to be true of the figures: each bar with what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from report import Case, Table
from targets import ARROW_TARGET, BATCHING_OFF, BY_HAND, CONSTANT, OURS
from verdict import Bar, judge

LOOP = "loop, no server"
DRUM = {"gunicorn": "DRUM, gunicorn", "flask": "DRUM, werkzeug"}


def show(tables: Mapping[Case, Table]) -> None:
    """Print the bars of the cases that were measured, with the targets that were there."""
    judge({case.name: _of(case, table) for case, table in tables.items()})


def _of(case: Case, table: Table) -> Iterator[Bar]:
    if OURS in table:
        yield from _named(case, table)
        if case.model != "linear":
            yield from _ahead_of_all(table)
        if case.model == "trees" and LOOP in table and CONSTANT in table:
            yield _server_cost(table)
    for kind, incumbent in DRUM.items():
        own = f"{kind} (ours)"
        if own in table and incumbent in table:
            ratio = table[own].rate / table[incumbent].rate
            yield Bar(f"{kind} x {incumbent}", ratio, 1.5)


def _named(case: Case, table: Table) -> Iterator[Bar]:
    ours = table[OURS]
    servers = [name for name in table if name.startswith("MLServer")]
    best = max(servers, key=lambda name: table[name].rate, default="")
    wanted: dict[tuple[int, int], dict[str, float]] = {
        (1, 1): {BY_HAND: 3, DRUM["gunicorn"]: 4},
        (1, 32): {BY_HAND: 5, DRUM["gunicorn"]: 8, best: 2.5},
        (1000, 4): {BY_HAND: 1.8},
        (100_000, 1): {BY_HAND: 2, DRUM["gunicorn"]: 2},
    }
    if case.model == "linear":
        for name, least in wanted.get((case.rows, case.clients), {}).items():
            if name in table:
                yield Bar(f"requests/s x {name}", ours.rate / table[name].rate, least)
        if (case.rows, case.clients) == (1, 1):
            for name in (BY_HAND, DRUM["gunicorn"]):
                if name in table:
                    ratio = ours.cpu_per_request / table[name].cpu_per_request
                    yield Bar(f"CPU x {name}", ratio, 1 / 3, at_most=True)
        if ARROW_TARGET in table:
            yield Bar("Arrow x CSV", table[ARROW_TARGET].rate / ours.rate, 5)
    if BATCHING_OFF in table:
        yield Bar("batching on x off", ours.rate / table[BATCHING_OFF].rate, 0.97)


def _ahead_of_all(table: Table) -> Iterator[Bar]:
    others = {
        name: cell.rate
        for name, cell in table.items()
        if "ours" not in name and name not in (LOOP, CONSTANT)
    }
    if others:
        best = max(others, key=lambda name: others[name])
        yield Bar(f"requests/s x the best other, {best}", table[OURS].rate / others[best], 1)


def _server_cost(table: Table) -> Bar:
    over = table[OURS].cpu_per_request - table[LOOP].cpu_per_request
    return Bar("CPU over the loop x a constant", over / table[CONSTANT].cpu_per_request, 3, True)
