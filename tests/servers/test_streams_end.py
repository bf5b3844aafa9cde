"""A stream that still runs when the server's time is nearly up ends with an error event."""

from __future__ import annotations

import http.client
import json
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.servers.harness import SERVER_TYPES, Server, running_server

pytestmark = pytest.mark.servers

# The last message chooses the stream: silent or talking for ever, from either kind of iterable.
_CUSTOM = """
import asyncio
import threading
import time


class ChatCompletionChunk:
    object = "chat.completion.chunk"

    def to_json(self, indent=None):
        return '{"object": "chat.completion.chunk"}'


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


def load_model(code_dir):
    return "model"


def chat(params, model):
    return globals()[params["messages"][-1]["content"]]()
"""
STREAMS = ("talking", "silent", "talking_async", "silent_async")
FIRST = b'data: {"object": "chat.completion.chunk"}\n'
GUNICORNS = ("sync", "gevent")
GRACEFUL_TIMEOUT = 4


@pytest.fixture
def chat_dir(tmp_path: Path) -> Path:
    (tmp_path / "custom.py").write_text(_CUSTOM)
    return tmp_path


def open_stream(server: Server, name: str, stack: ExitStack) -> http.client.HTTPResponse:
    """Ask for a stream and read the event that opens it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    stack.enter_context(closing(connection))
    content = {"model": "m", "stream": True, "messages": [{"role": "user", "content": name}]}
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/chat/completions", json.dumps(content), headers)
    response = stack.enter_context(connection.getresponse())
    assert response.status == 200
    assert response.readline() == FIRST
    return response


def last_event(response: http.client.HTTPResponse) -> dict[str, dict[str, str]]:
    """The end of a stream, which must be whole: a cut one raises ``IncompleteRead``."""
    events = response.read().decode().strip().split("\n\n")
    content: dict[str, dict[str, str]] = json.loads(events[-1].removeprefix("data: "))
    return content


def ends(server: Server, names: tuple[str, ...]) -> list[dict[str, dict[str, str]]]:
    with ExitStack() as stack:
        streams = [open_stream(server, name, stack) for name in names]
        server.signal(signal.SIGTERM)
        return [last_event(stream) for stream in streams]


@pytest.mark.parametrize(
    ("server_type", "workers"),
    [*((name, 1) for name in SERVER_TYPES), ("gunicorn", 2), ("fastapi", 2)],
)
def test_streams_end_with_an_error_event(chat_dir: Path, server_type: str, workers: int) -> None:
    params = {
        "DRUM_GUNICORN_GRACEFUL_TIMEOUT": GRACEFUL_TIMEOUT,
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
        "DRUM_GUNICORN_GRACEFUL_TIMEOUT": GRACEFUL_TIMEOUT,
        "DRUM_GUNICORN_WORKER_CLASS": worker_class,
    }
    arguments = ("--target-type", "textgeneration")
    env = {"TARGET_NAME": "answer"}
    with running_server(chat_dir, "gunicorn", *arguments, params=params, env=env) as server:
        (event,) = ends(server, (name,))
        status = server.wait()

    assert status == 0
    assert "shutting down" in event["error"]["message"]
