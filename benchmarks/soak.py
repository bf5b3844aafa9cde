"""Does a server stay as it was? Everything at once, for as long as is wanted.

All routes of a model, every format, mistakes of clients, a hook that raises, slow and leaving
clients, more and less of them, while workers wear out, are killed and are reloaded. After the
first minute, and again at the end, the clients pause: memory, descriptors, threads, temporary
files and zombies must be as before. Every answer is compared. A request may only be lost with a
process that was killed while it held it.

Exit status 1: a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

import psutil
from served import serving, show
from soak_clients import Account, Client
from soak_questions import CUSTOM, MAX_BODY
from verdict import Bar, judge

WITH_WORKERS = {"fastapi": "DRUM_UVICORN_MAX_REQUESTS", "gunicorn": "DRUM_GUNICORN_MAX_REQUESTS"}
# Seconds: before the first pause. A worker has been replaced by then, too.
FIRST = 60.0
BETWEEN_DISTURBANCES = 20.0
# Longer than anything that a server does after its last client has gone.
PAUSE = 15.0
LEAST_MINUTES = 3.0
# What must be as it was; memory may breathe.
SAME = ("memory", "processes", "descriptors", "threads", "files", "zombies")


@dataclass(frozen=True)
class State:
    """What a server's processes have, all together. Memory in MB, shared pages counted once."""

    processes: int
    memory: float
    descriptors: int
    threads: int
    files: frozenset[str]
    zombies: int

    def figure(self, name: str) -> float:
        value: float | frozenset[str] = getattr(self, name)
        return len(value) if isinstance(value, frozenset) else value


def state_of(pid: int, temporary: Path) -> State:
    server = psutil.Process(pid)
    found = [server, *server.children(recursive=True)]
    zombies = [one for one in found if one.status() == psutil.STATUS_ZOMBIE]
    alive = [one for one in found if one not in zombies]
    return State(
        len(alive),
        sum(one.memory_full_info().pss for one in alive) / 2**20,
        sum(one.num_fds() for one in alive),
        sum(one.num_threads() for one in alive),
        frozenset(str(file.relative_to(temporary)) for file in temporary.rglob("*")),
        len(zombies),
    )


class Soak:
    """The life of one server under everything."""

    def __init__(self, server_type: str, port: int, pid: int, given: argparse.Namespace) -> None:
        self.account = Account()
        self.reloads = 0
        self._has_workers = server_type in WITH_WORKERS
        self._port = port
        self._pid = pid
        self._given = given
        self._random = Random(f"{given.seed}-{server_type}")

    async def load(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        clients = [
            Client(self._port, str(self._random.random()), self.account)
            for _ in range(self._given.clients)
        ]
        work = [client.work(until) for client in clients]
        if self._has_workers:
            work.append(self._disturb(until))
        await asyncio.gather(*work)

    async def _disturb(self, until: float) -> None:
        # The last stretch is calm: who has just been started has not got everything yet.
        while time.monotonic() + 2 * BETWEEN_DISTURBANCES <= until:
            await asyncio.sleep(BETWEEN_DISTURBANCES)
            if not psutil.pid_exists(self._pid):
                raise RuntimeError("the server has ended")
            if self._random.random() < 0.7:
                self._kill()
            else:
                os.kill(self._pid, signal.SIGHUP)
                self.reloads += 1

    def _kill(self) -> None:
        workers = psutil.Process(self._pid).children()
        with suppress(psutil.NoSuchProcess):
            self._random.choice(workers).kill()
            self.account.kills.append(time.monotonic())


def measure(server_type: str, given: argparse.Namespace) -> tuple[Soak, State, State]:
    parameters = {"DRUM_SERVER_TYPE": server_type, "DRUM_MAX_UPLOAD_SIZE": MAX_BODY}
    if server_type in WITH_WORKERS:
        parameters["CUSTOM_MODEL_WORKERS"] = 2
        parameters[WITH_WORKERS[server_type]] = 2000
        parameters[f"{WITH_WORKERS[server_type]}_JITTER"] = 200
    with tempfile.TemporaryDirectory() as parent:
        folder, temporary = Path(parent, "model"), Path(parent, "temporary")
        folder.mkdir()
        temporary.mkdir()
        (folder / "custom.py").write_text(CUSTOM)
        os.environ["TMPDIR"] = str(temporary)
        with serving(str(folder), parameters) as (pid, port):
            soak = Soak(server_type, port, pid, given)
            asyncio.run(soak.load(FIRST))
            time.sleep(PAUSE)
            before = state_of(pid, temporary)
            asyncio.run(soak.load(given.minutes * 60 - FIRST - 2 * PAUSE))
            time.sleep(PAUSE)
            return soak, before, state_of(pid, temporary)


def figures_of(soak: Soak, before: State, after: State) -> dict[str, float]:
    account = soak.account
    for what, texts in (("wrong", account.wrong), ("lost", account.lost)):
        # One of each kind, which is the first word.
        for text in {text.partition(" ")[0]: text for text in texts}.values():
            print(f"{what}: {text}", file=sys.stderr)
    if new := after.files - before.files:
        print("new files:", *sorted(new), file=sys.stderr)
    figures: dict[str, float] = {
        "answers": account.answers.total(),
        "clients that left": account.left,
        "processes killed": len(account.kills),
        "reloads": soak.reloads,
        "requests of killed ones": account.broken,
        "wrong": len(account.wrong),
        "lost": len(account.lost),
    }
    for name in SAME:
        figures[f"{name}, first minute"] = before.figure(name)
        figures[f"{name}, at the end"] = after.figure(name)
    return figures


def bars_of(before: State, after: State, account: Account, given: argparse.Namespace) -> list[Bar]:
    held = given.clients * len(account.kills)
    bars = [
        Bar("wrong answers", len(account.wrong), 0, at_most=True),
        Bar("lost requests", len(account.lost), 0, at_most=True),
        Bar("requests of killed processes", account.broken, held, at_most=True),
        Bar("memory x after the first minute", after.memory / before.memory, 1.1, at_most=True),
    ]
    same = [(name, after.figure(name), before.figure(name)) for name in SAME[1:]]
    return bars + [Bar(f"{name}, as at first", value, first, True) for name, value, first in same]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["fastapi", "gunicorn", "flask"])
    parser.add_argument("--minutes", type=float, default=20.0, help="for each server")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seed", type=int, help="repeats the requests of a run")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    given = parser.parse_args()
    if given.minutes < LEAST_MINUTES:
        parser.error(f"--minutes must be at least {LEAST_MINUTES:g}")
    if given.seed is None:
        given.seed = SystemRandom().randrange(2**32)
    print(f"--seed {given.seed}")
    figures, bars = {}, {}
    for server in given.servers:
        soak, before, after = measure(server, given)
        figures[server] = figures_of(soak, before, after)
        bars[server] = bars_of(before, after, soak.account, given)
    show(figures, given.output)
    return judge(bars)


if __name__ == "__main__":
    sys.exit(main())
