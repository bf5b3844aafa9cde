"""Streams that run when the server is told to end: whole if there is time, else an error event."""

from __future__ import annotations

import http.client
import json
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.servers.harness import SERVER_TYPES, Server, eventually, is_refused, running_server

pytestmark = pytest.mark.servers

# The last message chooses the stream: short, or silent or talking for ever, or ending when the
# file GATE exists, from either kind of iterable.
_CUSTOM = """
import asyncio
import os
import threading
import time


class ChatCompletionChunk:
    object = "chat.completion.chunk"

    def to_json(self, indent=None):
        return '{"object": "chat.completion.chunk", "process": %d}' % os.getpid()


def talking():
    while True:
        yield ChatCompletionChunk()
        time.sleep(0.05)


def silent():
    yield ChatCompletionChunk()
    threading.Event().wait()


async def talking_async():
    while True:
        yield ChatCompletionChunk()
        await asyncio.sleep(0.05)


async def silent_async():
    yield ChatCompletionChunk()
    await asyncio.Event().wait()


def short():
    yield ChatCompletionChunk()


def ending():
    yield ChatCompletionChunk()
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.02)
    yield ChatCompletionChunk()
    yield ChatCompletionChunk()


async def ending_async():
    yield ChatCompletionChunk()
    while not os.path.exists(os.environ["GATE"]):
        await asyncio.sleep(0.02)
    yield ChatCompletionChunk()
    yield ChatCompletionChunk()


def load_model(code_dir):
    return "model"


def chat(params, model):
    return globals()[params["messages"][-1]["content"]]()
"""
STREAMS = ("talking", "silent", "talking_async", "silent_async")
ENDING = ("ending", "ending_async")
FIRST = b'data: {"object": "chat.completion.chunk", "process": '
SERVERS_AND_WORKERS = [*((name, 1) for name in SERVER_TYPES), ("gunicorn", 2), ("fastapi", 2)]
GUNICORNS = ("sync", "gevent")
GRACEFUL_TIMEOUT = 4


@pytest.fixture
def chat_dir(tmp_path: Path) -> Path:
    (tmp_path / "custom.py").write_text(_CUSTOM)
    return tmp_path


Stream = tuple[http.client.HTTPResponse, bytes]


def open_stream(server: Server, name: str, stack: ExitStack) -> Stream:
    """Ask for a stream and read the event that opens it: each process has its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    stack.enter_context(closing(connection))
    content = {"model": "m", "stream": True, "messages": [{"role": "user", "content": name}]}
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/chat/completions", json.dumps(content), headers)
    response = stack.enter_context(connection.getresponse())
    assert response.status == 200
    first = response.readline()
    assert first.startswith(FIRST)
    return response, first


def last_event(response: http.client.HTTPResponse) -> dict[str, dict[str, str]]:
    """The end of a stream, which must be whole: a cut one raises ``IncompleteRead``."""
    events = response.read().decode().strip().split("\n\n")
    content: dict[str, dict[str, str]] = json.loads(events[-1].removeprefix("data: "))
    return content


def ends(server: Server, names: tuple[str, ...]) -> list[dict[str, dict[str, str]]]:
    with ExitStack() as stack:
        streams = [open_stream(server, name, stack) for name in names]
        server.signal(signal.SIGTERM)
        return [last_event(response) for response, _ in streams]


@pytest.mark.parametrize(("server_type", "workers"), SERVERS_AND_WORKERS)
def test_streams_that_end_in_time_are_whole(
    chat_dir: Path, tmp_path: Path, server_type: str, workers: int
) -> None:
    gate = tmp_path / "gate"
    params = {"CUSTOM_MODEL_WORKERS": workers}
    arguments = ("--target-type", "textgeneration")
    env = {"TARGET_NAME": "answer", "GATE": str(gate)}
    with (
        running_server(chat_dir, server_type, *arguments, params=params, env=env) as server,
        ExitStack() as stack,
    ):
        streams = open_in_every_worker(server, workers, stack)
        server.signal(signal.SIGTERM)
        eventually(lambda: is_refused(server.port))
        gate.touch()
        whole = [response.read() for response, _ in streams]
        status = server.wait()

    assert whole == [b"\n%b\n%b\ndata: [DONE]\n\n" % (first, first) for _, first in streams]
    assert status == 0


def open_in_every_worker(server: Server, workers: int, stack: ExitStack) -> list[Stream]:
    """Streams of either kind, until each worker has some."""
    ready: set[bytes] = set()
    # A worker has few streams at a time: all of them have to be there to share.
    eventually(lambda: ready.add(process_of_a_short_stream(server)) or len(ready) == workers)
    streams: list[Stream] = []

    def is_everywhere() -> bool:
        streams.extend(open_stream(server, name, stack) for name in ENDING)
        return {first for _, first in streams} == ready

    eventually(is_everywhere)
    return streams


def process_of_a_short_stream(server: Server) -> bytes:
    with ExitStack() as stack:
        response, first = open_stream(server, "short", stack)
        response.read()
    return first


@pytest.mark.parametrize(("server_type", "workers"), SERVERS_AND_WORKERS)
def test_streams_end_with_an_error_event(chat_dir: Path, server_type: str, workers: int) -> None:
    params = {
        "DRUM_GRACEFUL_TIMEOUT": GRACEFUL_TIMEOUT,
        "CUSTOM_MODEL_WORKERS": workers,
    }
    arguments = ("--target-type", "textgeneration")
    env = {"TARGET_NAME": "answer"}
    with running_server(chat_dir, server_type, *arguments, params=params, env=env) as server:
        events = ends(server, STREAMS)
        status = server.wait()

    assert status == 0
    assert all("shutting down" in event["error"]["message"] for event in events)


@pytest.mark.parametrize("worker_class", GUNICORNS)
@pytest.mark.parametrize("name", ["talking", "silent"])
def test_gunicorns_other_worker_classes(chat_dir: Path, worker_class: str, name: str) -> None:
    if worker_class == "gevent":
        pytest.importorskip("gevent")
    params = {
        "DRUM_GRACEFUL_TIMEOUT": GRACEFUL_TIMEOUT,
        "DRUM_GUNICORN_WORKER_CLASS": worker_class,
    }
    arguments = ("--target-type", "textgeneration")
    env = {"TARGET_NAME": "answer"}
    with running_server(chat_dir, "gunicorn", *arguments, params=params, env=env) as server:
        (event,) = ends(server, (name,))
        status = server.wait()

    assert status == 0
    assert "shutting down" in event["error"]["message"]
