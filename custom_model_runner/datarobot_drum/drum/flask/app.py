"""The Flask application: bytes and headers in, bytes and headers out."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES

from datarobot_drum.drum import logs
from datarobot_drum.drum.exceptions import (
    MalformedRequestError,
    OverloadedError,
    SlowClientError,
)
from datarobot_drum.drum.flask.counted import BROKEN, CountedInput
from datarobot_drum.drum.flask.disconnect import client_is_gone
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.messages import Body, PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import Service, failure_response
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.access_log import REQUEST_ID_KEY, ROUTE_KEY
from datarobot_drum.drum.serving.body import JOINED_UP_TO, BodyCollector, next_step
from datarobot_drum.drum.serving.budget import BodyBudget, Share, is_large
from datarobot_drum.drum.serving.gate import Gate, withheld
from datarobot_drum.drum.settings import ServerSettings, Settings
from datarobot_drum.drum.utils.others_code import failing_as
from datarobot_drum.drum.utils.shortage import shortage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.routing import MapAdapter

BLUEPRINT = "model_api"
# Where a request's early answer is, in its environment.
_EARLY_KEY: Final = "drum.early_answer"
_LINE_END: Final = re.compile(r"[\r\n\0]")


class ModelApp(flask.Flask):
    """The gate stands before whatever an extension puts around the application, too: a WSGI
    middleware, or another application at a path of its own.
    """

    def __init__(self, gate: Gate) -> None:
        super().__init__("datarobot_drum", static_folder=None)
        self._gate = gate

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        early = None if self._gate.is_plain else _early_answer(self._gate, environ)
        if early is None:
            return self.wsgi_app(environ, start_response)
        environ[_EARLY_KEY] = early
        # Past all that stands around it.
        return flask.Flask.wsgi_app(self, environ, start_response)

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        adapter = super().create_url_adapter(request)
        if adapter is not None and adapter.websocket:
            # An offer that nobody takes is not looked at.
            adapter.websocket = any(rule.websocket for rule in self.url_map.iter_rules())
        return adapter


def create_app(service: Service, settings: Settings) -> ModelApp:
    """The application with every route registered, ready for ``custom_flask.init_app``."""
    gate = Gate(settings.server)
    app = ModelApp(gate)
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.server.http.max_body
    budget = BodyBudget(settings.server.http.body_budget, service.metrics)
    app.wsgi_app = CountedBodies(app.wsgi_app, budget)  # type: ignore[method-assign]
    # First to run before a request and last after it: extensions' functions come later.
    _stand_before(app, gate, service.metrics)
    app.after_request(_close_replaced_stream)
    _register_error_handlers(app, settings)
    app.register_blueprint(_blueprint(service, settings.server))
    return app


def _blueprint(service: Service, settings: ServerSettings) -> flask.Blueprint:
    blueprint = flask.Blueprint(BLUEPRINT, __name__)
    views: dict[str, Callable[..., flask.Response]] = {}
    labels: dict[str, str] = {}
    for route, path in routes.prefixed(settings.url_prefix):
        labels[_flask_path(path)] = route.path
        view = views.setdefault(route.endpoint, _view(service, route.operation, settings, labels))
        blueprint.add_url_rule(
            _flask_path(path), route.endpoint, view, methods=[route.method], strict_slashes=True
        )
    return blueprint


def _flask_path(path: str) -> str:
    """``{name}`` -> ``<name>``, ``{name:path}`` -> ``<path:name>``."""
    parts = []
    for segment in path.split("/"):
        if segment.startswith("{"):
            name, _, converter = segment.strip("{}").partition(":")
            segment = f"<{converter}:{name}>" if converter else f"<{name}>"
        parts.append(segment)
    return "/".join(parts)


def _view(
    service: Service, operation: Operation, settings: ServerSettings, labels: Mapping[str, str]
) -> Callable[..., flask.Response]:
    """
    Args:
        labels: the routes of Flask's rules, as metrics name them.
    """
    max_body, no_hooks = settings.http.max_body, withheld(settings.access, service.has_model)

    def view(**path_params: str) -> flask.Response:
        incoming = flask.request
        try:
            body = _collect_body(incoming, max_body)
        except OverloadedError as error:
            return _to_flask(failure_response(operation, error))
        request = PredictRequest(
            body=body,
            content_type=incoming.environ.get("CONTENT_TYPE", ""),
            headers={
                low: value for name, value in incoming.headers if (low := name.lower()) != no_hooks
            },
            query=incoming.environ.get("QUERY_STRING", ""),
            path_params=path_params,
            request_id=flask.g.request_id,
            method=incoming.method,
            # An extension may lead a rule of its own here.
            route=labels.get(str(incoming.url_rule), ""),
        )
        is_gone = partial(client_is_gone, incoming.environ)
        return _to_flask(service.answer(operation, request, is_gone))

    return view


class CountedBodies:
    """WSGI middleware: large bodies, and those of an unknown length, have a share of the budget
    until their answer begins.
    """

    def __init__(self, app: WSGIApplication, budget: BodyBudget) -> None:
        self._app = app
        self._budget = budget

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length: str = environ.get("CONTENT_LENGTH") or ""
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        # No other file is asked about a small body, nor stands on its way.
        if not is_chunked and (len(length) < 5 or not is_large(length)):
            return self._app(environ, start_response)
        with Share(self._budget) as share:
            environ["wsgi.input"] = CountedInput(
                environ["wsgi.input"],
                share,
                lambda: self._budget.check_announced(length),
                None if is_chunked else int(length),
            )
            return self._app(environ, start_response)


def _collect_body(incoming: flask.Request, limit: int | None) -> Body:
    """The whole body.

    Raises:
        BodyTooLargeError, werkzeug's RequestEntityTooLarge: it is larger than ``limit`` bytes.
        MalformedRequestError: its chunks are broken, or it ends too early.
        SlowClientError: it takes too long, where the server has a limit.
        OverloadedError: there is no room for it.
    """
    length = incoming.content_length
    if length is not None and length <= JOINED_UP_TO:
        data = _read(incoming.get_data)
        if len(data) < length:
            # Gunicorn takes a client's end for the body's.
            raise MalformedRequestError(BROKEN)
        return data
    content_type = incoming.environ.get("CONTENT_TYPE", "")
    with BodyCollector(limit, content_type, "" if length is None else str(length)) as collector:
        while piece := _read(lambda: incoming.stream.read(next_step(collector.size))):
            collector.add(piece)
    # An extension may have read the body before; then it is in the request object.
    body = collector.finish() if collector.size else incoming.get_data()
    if length is not None and len(body) < length:
        raise MalformedRequestError(BROKEN)
    return body


def _read(read: Callable[[], bytes]) -> bytes:
    with failing_as(_broken):
        return read()


def _broken(error: BaseException) -> MalformedRequestError | None:
    """Every server has exceptions of its own for this."""
    known = isinstance(error, (HTTPException, SlowClientError, OverloadedError))
    known = known or shortage(error) is not None
    return None if known or not isinstance(error, Exception) else MalformedRequestError(BROKEN)


def _to_flask(answer: PredictResponse) -> flask.Response:
    response = flask.Response(answer.body, answer.status, content_type=answer.content_type)
    for name, value in answer.headers:
        response.headers[name] = value
    if isinstance(answer.body, StreamBody):
        answer.body.probe_with(partial(client_is_gone, flask.request.environ))
        response.call_on_close(answer.body.close)
        flask.g.stream = (response, answer.body)
    return response


def _close_replaced_stream(response: flask.Response) -> flask.Response:
    """A stream that an extension answered something else for would run on unseen."""
    streamed, body = flask.g.get("stream", (response, None))
    if streamed is not response and body is not None:
        body.close()
    return response


def answering_failures(app: WSGIApplication) -> WSGIApplication:
    """The application and whatever an extension has put around it; what fails there is answered
    as everything else is.
    """

    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A middleware may raise anything, of which a server would make a page of its own.
        try:
            with failing_as(_around):
                return app(environ, _in_one_head(start_response))
        except _AroundError as error:
            return _answered(error.failure, environ, start_response)

    return answering


def _in_one_head(start_response: StartResponse) -> StartResponse:
    """Nothing that stands around the application writes lines of its own into an answer's head:
    Flask's own answers are looked at by werkzeug.
    """

    def start(
        status: str, headers: list[tuple[str, str]], *failure: Any
    ) -> Callable[[bytes], object]:
        if _LINE_END.search("".join([status, *(part for pair in headers for part in pair)])):
            raise ValueError("A status or a header holds a line end.")
        return start_response(status, headers, *failure)

    return start


class _AroundError(Exception):
    """Something failed around the service."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(failure)
        self.failure = failure


def _around(error: BaseException) -> _AroundError | None:
    return _AroundError(error) if isinstance(error, Exception) else None


def _answered(
    error: Exception, environ: WSGIEnvironment, start_response: StartResponse
) -> list[bytes]:
    current = environ.get(REQUEST_ID_KEY) or routes.request_id(environ.get("HTTP_X_REQUEST_ID"))
    environ[REQUEST_ID_KEY] = current
    with logs.handling(current):
        answer = error_response(error)
    assert isinstance(answer.body, bytes)
    headers = [*routes.standard_headers(current), *answer.headers]
    headers += [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
    phrase = HTTP_STATUS_CODES.get(answer.status, "Unknown")
    start_response(f"{answer.status} {phrase}", headers, sys.exc_info())
    return [answer.body]


# -- before and after every route, those that an extension adds too


def _stand_before(app: flask.Flask, gate: Gate, metrics: Metrics) -> None:
    """Give every request its id, every answer its headers, early ones too, and count.
    Registered first, so that it runs before and after an extension's.
    """

    def begin() -> flask.Response | None:
        flask.g.started = time.perf_counter()
        flask.g.request_id = routes.request_id(flask.request.headers.get("X-Request-Id"))
        logs.request_id.set(flask.g.request_id)
        flask.request.environ[REQUEST_ID_KEY] = flask.g.request_id
        early: PredictResponse | None = flask.request.environ.get(_EARLY_KEY)
        # Werkzeug takes leading slashes for one; //ping/ is no route on any server.
        if early is None and flask.request.environ["PATH_INFO"].startswith("//"):
            early = routes.not_found()
        return None if early is None else _to_flask(early)

    def end(response: flask.Response) -> flask.Response:
        for name, value in routes.request_id_headers(flask.g.request_id):
            response.headers[name] = value
        for name, value in routes.STATIC_HEADERS:
            response.headers.setdefault(name, value)
        if not gate.is_plain:
            for name, value in gate.cors_headers(flask.request.headers.get("Origin", "")):
                response.headers[name] = value
        _count_when_sent(response, gate, metrics)
        return response

    app.before_request(begin)
    app.after_request(end)


def _early_answer(gate: Gate, environ: WSGIEnvironment) -> PredictResponse | None:
    return gate.early_answer(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        environ.get("HTTP_AUTHORIZATION", ""),
        environ.get("HTTP_ORIGIN", ""),
        environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", ""),
    )


def _count_when_sent(response: flask.Response, gate: Gate, metrics: Metrics) -> None:
    method, label = flask.request.method, gate.label(flask.request.path)
    started, status = flask.g.started, response.status_code
    flask.request.environ[ROUTE_KEY] = label

    def count() -> None:
        metrics.request(method, label, status, time.perf_counter() - started)
        # Gunicorn's threads go on to other requests.
        logs.request_id.set("")

    response.call_on_close(count)


def _register_error_handlers(app: flask.Flask, settings: Settings) -> None:
    """Errors that never reached the service, and those of an extension's own routes."""

    def on_http_error(error: HTTPException) -> Any:
        if error.response is not None:
            return error
        if isinstance(error, NotFound):
            return _to_flask(routes.not_found())
        if isinstance(error, MethodNotAllowed):
            allow = routes.allowed_methods(error.valid_methods or ())
            return _to_flask(routes.method_not_allowed(allow))
        if isinstance(error, RequestEntityTooLarge) and settings.server.http.max_body is not None:
            return _to_flask(routes.body_too_large(settings.server.http.max_body))
        return _to_flask(routes.failure(error.code or 500, error.description or error.name))

    def on_error(error: Exception) -> flask.Response:
        return _to_flask(error_response(error))

    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_error)
