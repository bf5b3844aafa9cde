"""How many files and hand-offs a plain prediction of one row takes, on each server.

A *file* counts when a function of it is called between the first byte of a request and the
moment when the server has nothing more to do for it. A *hand-off* is a call from one file of
the package to another, or from one thread to another, on the way of the row: the call stacks
at three moments, each the one with the most files in it: when the rows are read, when the model
computes, when the answer is written. What these stacks share counts once. Whoever is asked
beside the way (for a request's id, a figure, a log line) is a file, and no hand-off.

    pytest -s tests/servers/test_path_of_a_request.py

prints both lists.
"""

from __future__ import annotations

import runpy
import socket
import time
from pathlib import Path

import pytest

from tests.servers.harness import SERVER_TYPES, Server, running_server
from tests.servers.path_trace import Call, Recorder, Station, Trace, deepest

pytestmark = pytest.mark.servers

MOST_FILES = 24
MOST_HANDOFFS = 12
PAYLOAD = "drum/prediction/payload/"
MODEL = "drum/model/"

EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes_regression"
ONE_ROW = b"".join((EXAMPLE / "sample.csv").read_bytes().splitlines(keepends=True)[:2])
REQUEST = (
    b"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(ONE_ROW), ONE_ROW)
)
WARM = 30
# Seconds in which a server does at least once whatever it does by itself.
CLOCKWORK = 2.5
# Seconds: a slow machine must not send what is short to another thread.
PARAMS = {"DRUM_FASTAPI_SHORT_CALL": 0.1}


def ask(server: Server, recorder: Recorder | None = None) -> bytes:
    """One answer; recorded from the first byte of the request on."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        if recorder is not None:
            recorder.start()
        connection.sendall(REQUEST)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.fixture(scope="module")
def code_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear model of scikit-learn's and nothing else."""
    folder = tmp_path_factory.mktemp("model")
    runpy.run_path(str(EXAMPLE / "train.py"))["main"](folder)
    return folder


def traced(server_type: str, code_dir: Path, folder: Path) -> Trace:
    """One warm prediction of a server with one worker."""
    recorder = Recorder(folder)
    with running_server(
        code_dir,
        server_type,
        "--target-type",
        "regression",
        env=recorder.env,
        params=PARAMS,
        program=recorder.program,
        measured=False,
    ) as server:
        for _ in range(WARM):
            ask(server)
        recorder.start()
        time.sleep(CLOCKWORK)
        clockwork = frozenset(recorder.stop().outermost)
        answer = ask(server, recorder)
        trace = recorder.stop(clockwork)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return trace


def way_of_the_row(trace: Trace) -> list[Call]:
    """The calls that stand on top when the rows are read, when the model computes, and when
    the answer is written.
    """
    # A reader may ask what the model wants: that is beside the way.
    own = (call for call in trace.calls if not any(c.file.startswith(PAYLOAD) for c in call.stack))
    model = deepest(own, MODEL)
    turn = trace.calls.index(model)
    reading = deepest(trace.calls[:turn], PAYLOAD)
    return [reading, model, deepest(trace.calls[turn:], PAYLOAD)]


def handoffs(way: list[Call]) -> int:
    stacks = [call.stations for call in way]
    return len({stack[:size] for stack in stacks for size in range(2, len(stack) + 1)})


def shown(trace: Trace, way: list[Call]) -> str:
    files = trace.files()
    lines = [f"{len(files)} files (at most {MOST_FILES}):"]
    for file, functions in files.items():
        lines.append(f"  {file}")
        lines += [f"    {name} <- {', '.join(sorted(by))}" for name, by in functions.items()]
    lines.append(f"{handoffs(way)} hand-offs (at most {MOST_HANDOFFS}):")
    known: set[tuple[Station, ...]] = set()
    for stack in (call.stations for call in way):
        for size in range(1, len(stack) + 1):
            if stack[:size] not in known:
                known.add(stack[:size])
                other = size > 1 and stack[size - 2].thread != stack[size - 1].thread
                note = "   in another thread" if other else ""
                lines.append(f"  {'  ' * (size - 1)}{stack[size - 1].file}{note}")
    return "\n".join(lines)


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_plain_prediction_takes_few_files_and_handoffs(
    server_type: str, code_dir: Path, tmp_path: Path
) -> None:
    trace = traced(server_type, code_dir, tmp_path)

    way = way_of_the_row(trace)
    text = f"{server_type}: {shown(trace, way)}"
    print(f"\n{text}")
    assert len(trace.files()) <= MOST_FILES and handoffs(way) <= MOST_HANDOFFS, text
