"""What comes before and after every route, those that an extension adds too."""

from __future__ import annotations

import time

import flask

from datarobot_drum.drum import logs
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.gate import Gate


def stand_before(app: flask.Flask, gate: Gate, metrics: Metrics) -> None:
    """Give every request its id, every answer its headers, turn away callers without the
    token, and count. Registered first, so that it runs before and after an extension's.
    """

    def begin() -> flask.Response | None:
        flask.g.started = time.perf_counter()
        flask.g.request_id = routes.request_id(flask.request.headers.get("X-Request-Id"))
        logs.request_id.set(flask.g.request_id)
        early = None if gate.is_plain else _early_answer(gate)
        # Werkzeug takes leading slashes for one; //ping/ is no route on any server.
        if early is None and flask.request.environ["PATH_INFO"].startswith("//"):
            early = routes.not_found()
        return None if early is None else _to_flask(early)

    def end(response: flask.Response) -> flask.Response:
        for name, value in routes.request_id_headers(flask.g.request_id):
            response.headers[name] = value
        for name, value in routes.STATIC_HEADERS:
            response.headers.setdefault(name, value)
        for name, value in gate.cors_headers(flask.request.headers.get("Origin", "")):
            response.headers[name] = value
        _count_when_sent(response, gate, metrics)
        return response

    app.before_request(begin)
    app.after_request(end)


def _early_answer(gate: Gate) -> PredictResponse | None:
    headers = flask.request.headers
    return gate.early_answer(
        flask.request.method,
        flask.request.path,
        headers.get("Authorization", ""),
        headers.get("Origin", ""),
        headers.get("Access-Control-Request-Method", ""),
    )


def _to_flask(answer: PredictResponse) -> flask.Response:
    headers = dict(answer.headers)
    return flask.Response(answer.body, answer.status, headers, content_type=answer.content_type)


def _count_when_sent(response: flask.Response, gate: Gate, metrics: Metrics) -> None:
    method, label = flask.request.method, gate.label(flask.request.path)
    started, status = flask.g.started, response.status_code

    def count() -> None:
        metrics.request(method, label, status, time.perf_counter() - started)

    response.call_on_close(count)
