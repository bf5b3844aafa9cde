"""Our servers, others, and a loop without a server, all with one model, side by side.

Servers are pinned to one CPU and the load to another; connections are kept open; every target's
answer is compared with the model's own before it is timed. The targets take turns, several
times, and the medians are shown: figures of one run may be compared with each other, and with
no other run's. The CPU time per request holds still where a machine does not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bars
import peers
import plots
import report
from load import generator
from loop import answerer
from models import MODELS
from processes import LOAD_CPU, SERVER_CPU, DidNotStartError, Running, pinned
from report import Case, Cell, Table
from targets import ARROW, BATCHING_OFF, BY_HAND, CONSTANT, FRONTS, OURS, TARGETS, Target
from wires import same

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
LOOP = "loop, no server"
ALL_CASES = [
    *(Case("linear", rows, clients) for rows, clients in ((1, 1), (1, 32), (1000, 4), (100000, 1))),
    *(Case("trees", rows, clients) for rows, clients in ((1, 1), (1, 32), (1000, 4), (100000, 1))),
    *(Case("penguins", 1, clients) for clients in (1, 32)),
]
SWEEP = [Case("linear", 1, clients) for clients in (1, 2, 4, 8, 16, 32, 64)]
SWEPT = (OURS, BY_HAND, "DRUM, gunicorn", "MLServer, one tensor", CONSTANT)


def main() -> int:
    given = arguments()
    if given.with_peers:
        peers.set_up()
    targets = chosen(given)
    describe(targets)
    cases = SWEEP if given.sweep else ALL_CASES
    if given.cases:
        cases = [case for case in cases if case.name in given.cases]
    tables: dict[Case, Table] = {}
    for case in cases:
        tables[case] = measure(case, targets, given.rounds, given.seconds)
        report.show(case, tables[case], BY_HAND)
    output = given.output or RESULTS / time.strftime("serving-%Y%m%d-%H%M%S.json")
    report.write(output, tables, versions(targets), generator())
    if given.sweep:
        plots.draw_sweep(tables, given.plots)
    else:
        bars.show(tables)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short turns of each target")
    parser.add_argument("--seconds", type=float, help="of one load (default 3)")
    parser.add_argument("--rounds", type=int, help="turns of each target (default 5)")
    parser.add_argument("--with-peers", action="store_true", help="install and measure others too")
    parser.add_argument("--cases", nargs="+", metavar="MODEL:ROWS:CLIENTS", help="only these")
    parser.add_argument("--targets", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--sweep", action="store_true", help="one row by number of clients; plots")
    parser.add_argument("--plots", type=Path, default=RESULTS, help="folder for the plots")
    parser.add_argument("--output", type=Path, help="JSON file (default: in benchmarks/results)")
    given = parser.parse_args()
    given.rounds = given.rounds or (2 if given.quick else 5)
    given.seconds = given.seconds or (1.0 if given.quick else 3.0)
    return given


def chosen(given: argparse.Namespace) -> list[Target]:
    targets = [target for target in TARGETS if given.with_peers or target.peer is None]
    if given.sweep:
        targets = [target for target in targets if target.name in SWEPT]
    if given.targets:
        targets = [target for target in targets if target.name in given.targets]
    return [target for target in targets if target.available]


def versions(targets: Sequence[Target]) -> dict[str, dict[str, str]]:
    found = {"here": report.own_versions()}
    for peer in dict.fromkeys(target.peer for target in targets if target.peer):
        found[peer] = peers.versions(peer)
    return found


def describe(targets: Sequence[Target]) -> None:
    for where, packages in versions(targets).items():
        print(f"{where}: " + ", ".join(f"{name} {version}" for name, version in packages.items()))
    where = "nothing is pinned" if SERVER_CPU is None else f"server on CPU {SERVER_CPU}"
    load = "" if LOAD_CPU is None else f", load from CPU {LOAD_CPU}"
    print(f"{where}{load}; load generator: {generator()}", flush=True)


def measure(case: Case, targets: Sequence[Target], rounds: int, seconds: float) -> Table:
    """One case: all targets that can serve its model."""
    fitting = [target for target in targets if not target.only or case.model in target.only]
    if case.model == "linear" and case.rows >= 100_000 and FRONTS["fastapi"] in fitting:
        fitting.append(ARROW)
    if (case.rows, case.clients) != (1, 1):
        fitting = [target for target in fitting if target.name != BATCHING_OFF]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(case, Path(folder), seconds)
        bench.run([target for target in fitting if not target.alone], rounds)
        for target in fitting:
            if target.alone:
                bench.run([target], rounds, with_loop=False)
        return bench.table


class Bench:
    """A case's files, and what has been measured in it."""

    def __init__(self, case: Case, folder: Path, seconds: float) -> None:
        self.case = case
        self.folder = folder
        self.seconds = seconds
        self.table: Table = {}
        self.model = MODELS[case.model]
        code_dir = folder / "model"
        code_dir.mkdir()
        self.artifact = self.model.train(code_dir)
        self.rows = self.model.rows(case.rows)
        self.body, self.answer = folder / "body.csv", folder / "answer"
        self.body.write_bytes(FRONTS["fastapi"].wire.encode(self.rows))
        self.answer.write_bytes(answerer(self.model, code_dir, self.body.read_bytes())())
        wire = FRONTS["fastapi"].wire
        self.expected = wire.numbers(self.answer.read_bytes())

    def run(self, targets: Sequence[Target], rounds: int, with_loop: bool = True) -> None:
        with contextlib.ExitStack() as stack:
            runners = []
            for target in targets:
                with contextlib.suppress(DidNotStartError):
                    runners.append(self.start(target, stack))
            for _ in range(rounds):
                if with_loop:
                    self.add(LOOP, self.loop())
                for name, words, process in runners:
                    self.add(name, self.load(words, process, self.seconds))

    def add(self, name: str, figures: dict[str, Any]) -> None:
        if figures["wrong"]:
            sys.exit(f"{name}: {figures['wrong']} of {figures['answers']} answers were wrong")
        self.table.setdefault(name, Cell()).add(**figures)

    def start(self, target: Target, stack: contextlib.ExitStack) -> tuple[str, list[str], Running]:
        """Start a target, check its answer, warm it up."""
        try:
            process = stack.enter_context(
                target.running(self.model, self.folder, self.artifact, self.answer)
            )
            body = self.body_for(target)
            answer = process.ask(body.read_bytes())
        except (DidNotStartError, RuntimeError) as error:
            print(f"{target.name} is left out: {error}", flush=True)
            raise DidNotStartError from error
        if not same(target.wire.numbers(answer), self.expected):
            sys.exit(f"{target.name} does not answer what the model answers: {answer[:300]!r}")
        words = [process.url, str(body), "--content-type", target.wire.content_type]
        if process.ask(body.read_bytes()) == answer:
            # Some put an id of its own into every answer.
            path = body.with_suffix(".answer")
            path.write_bytes(answer)
            words.insert(2, str(path))
        warm_up = self.load(words, process, min(self.seconds, 1.0))
        if warm_up["wrong"] and target.peer is not None:
            # Rows that are predicted together may differ in their last digits.
            print(f"{target.name} answers otherwise under load: not compared there", flush=True)
            words.remove(str(path))
        return target.name, words, process

    def body_for(self, target: Target) -> Path:
        path = self.folder / f"{target.name.replace(' ', '-')}.body"
        path.write_bytes(target.wire.encode(self.rows))
        return path

    def load(self, words: list[str], process: Running, seconds: float) -> dict[str, Any]:
        """Answers, seconds, and CPU seconds of the server."""
        more = ["--clients", str(self.case.clients), "--seconds", str(seconds)]
        before = process.cpu_seconds()
        result = run("load.py", LOAD_CPU, *words, *more)
        result["cpu"] = process.cpu_seconds() - before
        del result["generator"]
        return result

    def loop(self) -> dict[str, Any]:
        words = [self.case.model, str(self.folder / "model"), str(self.body), str(self.answer)]
        return run("loop.py", SERVER_CPU, *words, "--seconds", str(self.seconds))


def run(program: str, cpu: int | None, *words: str) -> dict[str, Any]:
    command = [sys.executable, str(HERE / program), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=pinned(cpu))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
