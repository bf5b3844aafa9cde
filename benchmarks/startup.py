"""Start to the first answered prediction, memory afterwards, and how long `drum --help` takes.

Ours on three servers against the server that people write by hand and against DRUM, taking
turns. Time is the CPU time of the process tree and the wall clock; memory is PSS.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers
import report
from models import MODELS
from processes import SERVER_CPU, DidNotStartError, pinned
from targets import BY_HAND, OURS, TARGETS, Target

import datarobot_drum

RESULTS = Path(__file__).resolve().parent / "results"
NAMES = (OURS, "gunicorn (ours)", "flask (ours)", BY_HAND, "DRUM, gunicorn", "DRUM, werkzeug")
Figures = dict[str, list[float]]


def start(target: Target, folder: Path, artifact: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and megabytes at the first answer."""
    started = time.perf_counter()
    with target.running(MODELS["linear"], folder, artifact, artifact) as process:
        seconds = time.perf_counter() - started
        return seconds, process.cpu_seconds(), process.memory() / 1e6


def check_version(python: str, expected: str) -> None:
    """Both programs and both packages have one name: make sure which one is measured."""
    command = [str(Path(python).parent / "drum"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=peers.environment(python))
    if done.stdout.strip() != f"drum {expected}":
        sys.exit(f"{command[0]} is {done.stdout.strip()!r}, not version {expected}")


def help_text(python: str) -> tuple[float, float]:
    """Wall and CPU seconds of `drum --help`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [str(Path(python).parent / "drum"), "--help"]
    subprocess.run(
        command,
        capture_output=True,
        env=peers.environment(python),
        preexec_fn=pinned(SERVER_CPU),
    )
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used


def measure(turns: int) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    targets = [target for target in TARGETS if target.name in NAMES and target.available]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model").mkdir()
        artifact = MODELS["linear"].train(folder / "model")
        for _ in range(turns):
            for target in targets:
                try:
                    wall, cpu, memory = start(target, folder, artifact)
                except DidNotStartError as error:
                    print(f"{target.name} is left out: {error}")
                    continue
                row = found.setdefault(target.name, {"wall": [], "cpu": [], "memory": []})
                for key, value in zip(row, (wall, cpu, memory), strict=True):
                    row[key].append(value)
    return found


def measure_help(turns: int) -> dict[str, Figures]:
    pythons = {"drum --help (ours)": sys.executable, "drum --help (DRUM)": peers.python("drum")}
    check_version(sys.executable, datarobot_drum.__version__)
    if peers.python("drum") is not None:
        check_version(str(peers.python("drum")), peers.versions("drum")["datarobot-drum"])
    found: dict[str, Figures] = {}
    for _ in range(turns):
        for name, python in pythons.items():
            if python is not None:
                wall, cpu = help_text(python)
                row = found.setdefault(name, {"wall": [], "cpu": []})
                row["wall"].append(wall)
                row["cpu"].append(cpu)
    return found


def show(found: dict[str, Figures], reference: str) -> None:
    base = found.get(reference) or next(iter(found.values()))
    print(f"\n{'':24}" + "".join(f"{name:>12}{'ratio':>8}" for name in base))
    for name, row in found.items():
        cells = ""
        for key, values in row.items():
            value = statistics.median(values)
            cells += f"{value:>12.3f}{value / statistics.median(base[key]):>8.2f}"
        print(f"{name:24}{cells}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--with-peers", action="store_true", help="install DRUM if it is missing")
    parser.add_argument("--output", type=Path, default=RESULTS / "startup.json")
    given = parser.parse_args()
    if given.with_peers:
        peers.set_up()
    print("seconds from start to the first answer (wall, CPU), megabytes (PSS)")
    servers, helps = measure(given.turns), measure_help(given.turns)
    show(servers, BY_HAND)
    show(helps, "drum --help (DRUM)")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"versions": report.own_versions(), "servers": servers, "help": helps}
    given.output.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
