"""Streams under WSGI: who notices that nobody reads them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import flask
import pytest

from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.flask.app import create_app
from datarobot_drum.drum.flask.disconnect import client_is_gone
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.prediction.service import PredictionService
from datarobot_drum.drum.settings import ModelSettings, Settings

PATIENCE = 30


@pytest.mark.parametrize("name", ["werkzeug.socket", "gunicorn.socket"])
def test_a_client_is_there_until_it_hangs_up(name: str) -> None:
    server, client = socket.socketpair()
    with server:
        assert not client_is_gone({name: server})
        client.send(b"more")
        assert not client_is_gone({name: server})
        client.close()
        assert client_is_gone({name: server})
    assert client_is_gone({name: server})


def test_a_server_that_shows_no_socket() -> None:
    assert not client_is_gone({})


class Chunk:
    object = "chat.completion.chunk"

    def to_json(self, indent: int | None = 2) -> str:
        return "{}"


class Model:
    info = ModelInfo("/code", TargetType.TEXT_GENERATION, RunLanguage.PYTHON, supports_chat=True)

    def __init__(self) -> None:
        self.closed = threading.Event()

    def chat(self, params: dict[str, Any], headers: Any) -> Iterator[Chunk]:
        try:
            while True:
                yield Chunk()
        finally:
            self.closed.set()

    def close(self) -> None:
        pass


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def app(model: Model) -> Iterator[flask.Flask]:
    predictor: Any = model
    service = PredictionService(predictor, ServiceSettings())
    yield create_app(service, Settings("server", ModelSettings("/code")))
    service.close()


def test_closing_the_answer_stops_the_generator(app: flask.Flask, model: Model) -> None:
    answer = app.test_client().post("/chat/completions", json={})
    assert next(iter(answer.response)).startswith(b"data: {}")
    assert not model.closed.is_set()
    answer.close()
    assert model.closed.wait(PATIENCE)


def test_an_answer_that_an_extension_replaces_is_stopped(app: flask.Flask, model: Model) -> None:
    app.after_request(lambda _response: flask.Response("something else"))
    with app.test_client().post("/chat/completions", json={}) as answer:
        assert answer.data == b"something else"
    assert model.closed.wait(PATIENCE)


def test_an_extension_that_fails_does_not_leave_a_stream_behind(
    app: flask.Flask, model: Model
) -> None:
    @app.after_request
    def fail(response: flask.Response) -> flask.Response:
        if response.status_code == 200:
            raise ValueError("boom")
        return response

    with app.test_client().post("/chat/completions", json={}) as answer:
        assert answer.status_code == 500
    assert model.closed.wait(PATIENCE)
