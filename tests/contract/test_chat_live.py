"""Streams while they run, over real connections: order in time, slots, clients that leave."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.chat_folder import chatting
from tests.contract.clients import PATIENCE, Calls, SocketClient
from tests.contract.folders import Folders
from tests.contract.fronts import Front, only, over_sockets


@pytest.fixture
def client(front: Front, folders: Folders) -> SocketClient:
    client = front.serve(chatting(folders))
    assert isinstance(client, SocketClient)
    return client


@contextmanager
def streaming(client: SocketClient, content: str) -> Iterator[http.client.HTTPResponse]:
    """An answer whose body has not been read; leaving the block hangs up."""
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=PATIENCE)
    body = json.dumps({"messages": [{"role": "user", "content": content}]})
    try:
        connection.request("POST", "/chat/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        yield answer
    finally:
        # The answer holds the connection open too.
        answer.close()
        connection.close()


def next_text(answer: http.client.HTTPResponse) -> str:
    line = answer.readline()
    assert answer.readline() == b"\n"
    chunk = json.loads(line.removeprefix(b"data: "))
    return str(chunk["choices"][0]["delta"]["content"])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def say(client: Calls, text: str) -> str:
    body = json.dumps({"messages": [{"role": "user", "content": f"say:{text}"}]})
    answer = client.post("/chat/completions", body, "application/json")
    return str(answer.json()["choices"][0]["message"]["content"])


@over_sockets
def test_chunks_are_sent_as_they_come(client: SocketClient, tmp_path: Path) -> None:
    with streaming(client, f"held:{tmp_path}") as answer:
        assert next_text(answer) == "first"
        (tmp_path / "go").touch()
        assert next_text(answer) == "second"
        assert answer.read() == b"data: [DONE]\n\n"


@over_sockets
def test_nothing_waits_behind_a_stream(client: SocketClient, tmp_path: Path) -> None:
    with streaming(client, f"held:{tmp_path}") as answer:
        assert next_text(answer) == "first"
        assert say(client, "me too") == "me too"
        assert client.predict("a\n1\n").predictions == ["fine"]
        assert client.get("/ping/").status == 200
        (tmp_path / "go").touch()
        assert next_text(answer) == "second"


@over_sockets
@pytest.mark.parametrize("action", ["endless", "async_silent"])
def test_decision_21_a_client_that_leaves_stops_the_generator(
    client: SocketClient, tmp_path: Path, action: str
) -> None:
    with streaming(client, f"{action}:{tmp_path}") as answer:
        next_text(answer)
        assert not (tmp_path / "closed").exists()
    until((tmp_path / "closed").exists)


@over_sockets
def test_clients_that_leave_free_their_slots(client: SocketClient, tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        with streaming(client, f"endless:{folder}") as answer:
            next_text(answer)
    assert say(client, "still here") == "still here"
    for number in range(6):
        until((tmp_path / str(number) / "closed").exists)


# Only an event loop watches a client while its request waits.
@only("fastapi-server")
def test_a_request_whose_client_left_the_queue_is_never_run(
    front: Front, folders: Folders, tmp_path: Path
) -> None:
    one_slot = chatting(folders).with_params(DRUM_EXECUTOR_WORKERS="1")
    client = front.serve(one_slot)
    assert isinstance(client, SocketClient)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with streaming(client, f"held:{first}") as answer:
        assert next_text(answer) == "first"
        ask_and_leave(client, f"held:{second}")
        until(lambda: b'reason="client_gone"} 1.0' in client.get("/metrics").body)
        (first / "go").touch()
        assert next_text(answer) == "second"
    assert say(client, "my turn") == "my turn"
    assert not (second / "started").exists()


def ask_and_leave(client: SocketClient, content: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=PATIENCE)
    body = json.dumps({"messages": [{"role": "user", "content": content}]})
    connection.request("POST", "/chat/completions", body, {"Content-Type": "application/json"})
    connection.close()
