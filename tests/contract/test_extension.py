"""``custom_flask.py`` and ``custom_fastapi.py``: a folder's own routes, checks and handlers."""

from __future__ import annotations

import pytest

from datarobot_drum import __version__
from tests.contract import hooks
from tests.contract.clients import Answer
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, only

FLASK = """
import flask
from datarobot_drum import CustomHTTPError


class OwnError(Exception):
    pass


def init_app(app):
    @app.before_request
    def check():
        flask.g.endpoint = flask.request.endpoint
        if flask.request.headers.get("X-Stop"):
            return {"stopped": True}, 401

    @app.after_request
    def mark(response):
        response.headers["X-Extension"] = str(flask.g.get("endpoint"))
        return response

    @app.get("/own/")
    def own():
        return {"hello": "you"}

    @app.post("/own/echo")
    def echo():
        return flask.request.get_data()

    @app.get("/own/fail")
    def fail():
        raise ValueError("out of order")

    @app.get("/own/user-error")
    def user_error():
        raise CustomHTTPError("not now", 409)

    @app.get("/own/abort")
    def abort():
        flask.abort(403, "no entry")

    @app.get("/own/handled")
    def handled():
        raise OwnError("mine")

    @app.errorhandler(OwnError)
    def on_own_error(error):
        return {"own": str(error)}, 418
"""

FASTAPI = """
from datarobot_drum import CustomHTTPError
from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse


class OwnError(Exception):
    pass


def init_app(app):
    @app.middleware("http")
    async def check(request, call_next):
        if request.headers.get("X-Stop"):
            return JSONResponse({"stopped": True}, 401)
        response = await call_next(request)
        response.headers["X-Extension"] = "yes"
        return response

    @app.get("/own/")
    async def own():
        return {"hello": "you"}

    @app.post("/own/echo")
    async def echo(request: Request):
        return PlainTextResponse(await request.body())

    @app.get("/own/fail")
    def fail():
        raise ValueError("out of order")

    @app.get("/own/user-error")
    async def user_error():
        raise CustomHTTPError("not now", 409)

    @app.get("/own/abort")
    async def abort():
        raise HTTPException(403, "no entry")

    @app.get("/own/handled")
    async def handled():
        raise OwnError("mine")

    @app.exception_handler(OwnError)
    async def on_own_error(request, error):
        return JSONResponse({"own": str(error)}, 418)
"""

ROWS = "out:Predictions\n1\n2\n"


@pytest.fixture(scope="session")
def extended(folders: Folders) -> Folder:
    files = {"custom.py": hooks.ECHO, "custom_flask.py": FLASK, "custom_fastapi.py": FASTAPI}
    return folders.make("extended", {**files}).of_type("regression")


def assert_standard_headers(answer: Answer) -> None:
    assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"]
    assert answer.headers["X-Drum-Version"] == __version__


def test_own_route(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).get("/own/")
    assert (answer.status, answer.json()) == (200, {"hello": "you"})
    assert_standard_headers(answer)


def test_own_route_gets_the_body(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).post("/own/echo", "some text", "text/plain")
    assert (answer.status, answer.body) == (200, b"some text")


def test_predictions_pass_through_the_extension(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).predict(ROWS)
    assert answer.predictions == [1, 2]
    assert "X-Extension" in answer.headers


def test_early_answer_has_the_standard_headers(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).post("/predict/", ROWS, "text/csv", {"X-Stop": "1"})
    assert (answer.status, answer.json()) == (401, {"stopped": True})
    assert_standard_headers(answer)


def test_the_request_id_reaches_an_early_answer(serve: Serve, extended: Folder) -> None:
    headers = {"X-Stop": "1", "X-Request-Id": "my-id"}
    assert serve(extended).get("/ping/", headers).headers["X_Request_ID"] == "my-id"


def test_own_route_that_fails(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).get("/own/fail")
    assert (answer.status, answer.message) == (500, "ERROR: out of order")
    assert_standard_headers(answer)


def test_own_route_that_raises_a_user_error(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).get("/own/user-error")
    assert (answer.status, answer.message) == (409, "not now")
    assert answer.headers["X-Drum-User-Http-Error"] == "true"
    assert_standard_headers(answer)


def test_own_route_that_aborts(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).get("/own/abort")
    assert (answer.status, answer.message) == (403, "ERROR: no entry")
    assert_standard_headers(answer)


def test_own_error_handler(serve: Serve, extended: Folder) -> None:
    answer = serve(extended).get("/own/handled")
    assert (answer.status, answer.json()) == (418, {"own": "mine"})
    assert_standard_headers(answer)


def test_decision_05_unknown_path_and_method_of_an_own_route(
    serve: Serve, extended: Folder
) -> None:
    client = serve(extended)
    assert client.get("/own/nowhere").message.startswith("ERROR: ")
    answer = client.post("/own/")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.message.startswith("ERROR: ")


def test_own_routes_are_not_prefixed(serve: Serve, extended: Folder) -> None:
    client = serve(extended.with_env(URL_PREFIX="/one"))
    assert client.get("/ping/").status == 200
    client.prefix = ""
    try:
        assert client.get("/own/").status == 200
    finally:
        client.prefix = "/one"


@only("flask", "flask-server", "gunicorn-server")
@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("GET", "/", "ping"),
        ("GET", "/ping", "ping"),
        ("GET", "/health/", "health"),
        ("GET", "/info", "info"),
        ("GET", "/capabilities/", "capabilities"),
        ("GET", "/stats/", "stats"),
        ("POST", "/predict/", "predict"),
        ("POST", "/predictions", "predict"),
        ("POST", "/invocations", "predict"),
        ("POST", "/transform/", "transform"),
        ("POST", "/predictUnstructured/", "predict_unstructured"),
        ("POST", "/predictionsUnstructured/", "predict_unstructured"),
        ("POST", "/v1/chat/completions", "chat"),
        ("GET", "/models", "get_supported_llm_models"),
        ("POST", "/directAccess/v1/x", "forward_request"),
        ("GET", "/nim/x", "forward_request"),
    ],
)
def test_endpoint_names_of_flask_are_public(
    serve: Serve, extended: Folder, method: str, path: str, endpoint: str
) -> None:
    answer = serve(extended).call(method, path)
    assert answer.headers["X-Extension"] == f"model_api.{endpoint}"
