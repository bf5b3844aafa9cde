"""The Flask application: bytes and headers in, bytes and headers out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from datarobot_drum.drum.flask.disconnect import client_is_gone
from datarobot_drum.drum.flask.middleware import stand_before
from datarobot_drum.drum.flask.receiving import collect_body
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.lane.streams import StreamBody
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import Service
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.gate import Gate
from datarobot_drum.drum.settings import ServerSettings, Settings

BLUEPRINT = "model_api"


def create_app(service: Service, settings: Settings) -> flask.Flask:
    """The application with every route registered, ready for ``custom_flask.init_app``."""
    app = flask.Flask("datarobot_drum", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body
    # First to run before a request and last after it: extensions' functions come later.
    stand_before(app, Gate(settings.server), service.metrics)
    app.after_request(_close_replaced_stream)
    _register_error_handlers(app, settings)
    app.register_blueprint(_blueprint(service, settings.server))
    return app


def _blueprint(service: Service, settings: ServerSettings) -> flask.Blueprint:
    blueprint = flask.Blueprint(BLUEPRINT, __name__)
    views: dict[str, Callable[..., flask.Response]] = {}
    for route, path in routes.prefixed(settings.url_prefix):
        view = views.setdefault(route.endpoint, _view(service, route.operation, settings.max_body))
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
    service: Service, operation: Operation, max_body: int | None
) -> Callable[..., flask.Response]:
    def view(**path_params: str) -> flask.Response:
        incoming = flask.request
        request = PredictRequest(
            body=collect_body(incoming, max_body),
            content_type=incoming.environ.get("CONTENT_TYPE", ""),
            headers={name.lower(): value for name, value in incoming.headers},
            query=incoming.environ.get("QUERY_STRING", ""),
            path_params=path_params,
            request_id=flask.g.request_id,
            method=incoming.method,
        )
        is_gone = partial(client_is_gone, incoming.environ)
        return _to_flask(service.answer(operation, request, is_gone))

    return view


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
        if isinstance(error, RequestEntityTooLarge) and settings.server.max_body is not None:
            return _to_flask(routes.body_too_large(settings.server.max_body))
        return _to_flask(routes.failure(error.code or 500, error.description or error.name))

    def on_error(error: Exception) -> flask.Response:
        return _to_flask(error_response(error))

    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_error)
