"""Sends malformed and unusual requests to the three servers, as real processes on loopback.

No answer may be a 5xx, since the models here never fail; no process may end; and a good request
in between is answered as ever. ``scripts/fuzz`` runs it; the seed that it prints repeats a run.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.malformed import Malformed, malformed
from tests.fuzz.seed import VARIABLE, repeat_with, seed
from tests.fuzz.well_formed import CSV
from tests.servers.harness import SERVER_TYPES, Server, running_server

ROOT = Path(__file__).parents[2]
# A good request follows every few bad ones.
CHECK_EVERY = 5
# Seconds until a request counts as complete, and until a server counts as hanging.
PATIENCE = 0.1
SILENCE = 10.0
STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
LEAKS = (b"Traceback (most recent", b"site-packages", b"custom.py")

ROWS = """
import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [1.5] * len(data)})


class Completion:
    object = "chat.completion"

    def __init__(self):
        message = type("Message", (), {"content": "hello"})
        self.choices = [type("Choice", (), {"message": message})]

    def to_dict(self):
        return {"object": self.object, "choices": [{"message": {"content": "hello"}}]}


def chat(params, model, **kwargs):
    return Completion()
"""
TRANSFORM = """
import pandas as pd


def load_model(code_dir):
    return "model"


def transform(data, model, target=None):
    return pd.DataFrame({"n": range(len(data))})
"""
UNSTRUCTURED = """
def load_model(code_dir):
    return "model"


def score_unstructured(model, data, **kwargs):
    return str(len(data))
"""


@dataclass(frozen=True)
class Subject:
    """A model that never fails, its part of the requests, and a good request with its answer."""

    target_type: str
    code: str
    share: float
    path: str
    answer: bytes


SUBJECTS = (
    Subject("regression", ROWS, 0.6, "/predict/", b'{"predictions":[1.5,1.5]}'),
    Subject("transform", TRANSFORM, 0.2, "/transform/", b"n\r\n0\r\n1\r\n--"),
    Subject("unstructured", UNSTRUCTURED, 0.2, "/predictUnstructured/", b"12"),
)


class FuzzError(AssertionError):
    """A server did what it may not; the text says which request made it."""


@dataclass
class Report:
    """What came back: how often each status, and how often a closed connection (None)."""

    answers: Counter[int | None] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def send(port: int, data: bytes) -> bytes:
    """Everything that comes back until the server closes.

    Raises:
        TimeoutError: it stayed silent, and kept the connection open.
    """
    with socket.create_connection(("127.0.0.1", port), SILENCE) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while piece := _received(connection):
                answer += piece
        except TimeoutError:
            raise
        except OSError:
            # A server may hang up on a request before it has read all of it.
            pass
        return answer


def _received(connection: socket.socket) -> bytes:
    """The next bytes; a server that waits for more is told that there is no more."""
    if not select.select([connection], [], [], PATIENCE)[0]:
        connection.shutdown(socket.SHUT_WR)
    return connection.recv(65536)


def judge(answer: bytes) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    failures = [s for s in map(int, STATUS.findall(answer)) if s >= 500]
    if failures:
        return f"status {failures[0]}: {answer[:400]!r}"
    leaks = [leak for leak in LEAKS if leak in answer]
    return f"it tells {leaks[0]!r}: {answer[:600]!r}" if leaks else None


def fuzz_server(
    server: Server, subject: Subject, count: int, random: Random, report: Report
) -> None:
    """Send ``count`` requests.

    Raises:
        FuzzError: the server ended, lost a worker, or failed to answer a good request.
    """
    workers = server.workers()
    for number in range(count):
        bad = malformed(random)
        _send_bad(server, bad, report)
        if number % CHECK_EVERY == 0 or number == count - 1:
            _check(server, subject, workers, bad)


def _send_bad(server: Server, bad: Malformed, report: Report) -> None:
    try:
        answer = send(server.port, bad.data)
    except TimeoutError:
        report.wrong.append(f"{bad.kind}: no answer in {SILENCE} s to {shown(bad.data)}")
        return
    found = STATUS.match(answer)
    report.answers[int(found.group(1)) if found else None] += 1
    complaint = judge(answer)
    if complaint is not None:
        report.wrong.append(f"{bad.kind}: {complaint}\n    to {shown(bad.data)}")


def _check(server: Server, subject: Subject, workers: list[int], bad: Malformed) -> None:
    after = f"after {bad.kind}: {shown(bad.data)}"
    if server.process.poll() is not None:
        raise FuzzError(f"the server ended {after}\n{server.output()[-4000:]}")
    try:
        status, body = server.post(subject.path, CSV)
    except OSError as error:
        raise FuzzError(f"a good request got {error!r} {after}") from error
    if status != 200 or subject.answer not in body:
        raise FuzzError(f"a good request got {status} {body[:400]!r} {after}")
    if server.workers() != workers:
        raise FuzzError(f"a worker ended {after}\n{server.output()[-4000:]}")


def shown(data: bytes) -> str:
    return f"{data[:300]!r}" + (f" … {len(data)} bytes" if len(data) > 300 else "")


def fuzz(server_type: str, count: int, seed: int) -> Report:
    """Send ``count`` malformed requests to one kind of server.

    Raises:
        FuzzError: it ended, or did not answer a good request.
    """
    report = Report()
    for subject in SUBJECTS:
        random = Random(f"{seed}-{subject.target_type}")
        with serving(subject, server_type) as server:
            fuzz_server(server, subject, round(count * subject.share), random, report)
            log = server.stderr()
        at = log.find("Traceback")
        if at >= 0:
            report.wrong.append(f"the log has a traceback:\n{log[max(0, at - 500) : at + 3000]}")
    return report


@contextmanager
def serving(subject: Subject, server_type: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as parent:
        # The requests of the inference protocol know the model by the name of its folder.
        folder = Path(parent) / "model"
        folder.mkdir()
        (folder / "custom.py").write_text(subject.code)
        with running_server(folder, server_type, "--target-type", subject.target_type) as server:
            yield server


def run_schemathesis(server_type: str, examples: int, seed: int, seconds: int) -> bool:
    """Requests from the published description, good and bad; True when no answer was a 5xx."""
    tool = Path(sys.executable).with_name("schemathesis")
    command = [str(tool), "run", str(ROOT / "docs" / "openapi.yaml"), "--checks=not_a_server_error"]
    command += ["--mode=all", f"--max-examples={examples}", f"--seed={seed}", "--no-color"]
    command += ["--suppress-health-check=all", "--phases=examples,coverage,fuzzing"]
    with serving(SUBJECTS[0], server_type) as server, tempfile.TemporaryDirectory() as folder:
        # Without its name most requests would end at a model that is not there.
        config = Path(folder) / "schemathesis.toml"
        config.write_text('[parameters]\n"path.name" = "model"\n')
        command.append(f"--url={server.url}")
        done = subprocess.run(command, cwd=folder, timeout=seconds, capture_output=True)
    lines = done.stdout.decode(errors="replace").splitlines()
    print("\n".join(lines[-60 if done.returncode else -12 :]))
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="hand-made requests a server")
    parser.add_argument(
        "--examples", type=int, default=30, help="schemathesis' cases an operation; 0: none"
    )
    parser.add_argument("--seed", type=int, help="repeats a run; a fresh one unless given")
    parser.add_argument("--servers", nargs="+", choices=SERVER_TYPES, default=SERVER_TYPES)
    parser.add_argument("--seconds", type=int, default=900, help="limit of schemathesis, a server")
    given = parser.parse_args()
    if given.seed is not None:
        os.environ[VARIABLE] = str(given.seed)
    # At once, for a run that is cut off.
    print(repeat_with(), flush=True)
    failed = False
    for server_type in given.servers:
        start = time.monotonic()
        report = fuzz(server_type, given.count, seed())
        answers = {str(status): n for status, n in sorted(report.answers.items(), key=str)}
        print(f"{server_type}: {given.count} requests, {time.monotonic() - start:.0f} s, {answers}")
        for complaint in report.wrong[:20]:
            print(f"  WRONG {complaint}")
        failed |= bool(report.wrong)
        if given.examples:
            failed |= not run_schemathesis(server_type, given.examples, seed(), given.seconds)
    print(f"{'FAILED' if failed else 'All is well'}: {repeat_with()}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
