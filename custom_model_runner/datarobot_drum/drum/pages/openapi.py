"""The OpenAPI description, made from the table of routes: what is not routed is not described."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from datarobot_drum import __version__
from datarobot_drum.drum.pages.operations import (
    DESCRIPTIONS,
    TAGS,
    Content,
    Description,
)
from datarobot_drum.drum.pages.schemas import SCHEMAS, STRING
from datarobot_drum.drum.prediction.messages import JSON
from datarobot_drum.drum.prediction.operations import Operation

TITLE: Final = "Custom Model Runner"
_ABOUT: Final = """\
Serves one model folder. Every path answers with and without its trailing slash.

Every answer has `X-Request-ID` (yours, when you sent one) and `X-Drum-Version`. A path that is
not here answers 404, and a method that a path does not have 405 with `Allow`. While a model that
could not be loaded is served as its error (`--with-error-server`), every route but liveness and
readiness answers 513 with the reason. A model may choose status and text of its errors itself.

A server with `DRUM_AUTH_TOKEN` answers 401 without that token, liveness and readiness excepted.
"""
# Statuses whose standard phrase says too little.
_PHRASES: Final[Mapping[int, str]] = {
    400: "The request cannot be understood.",
    404: "The model has no such operation, or there is no such model.",
    413: "The body is larger than the server allows.",
    422: "The data cannot be read, or the model has another target type.",
    500: "The model failed.",
    503: "Too many requests wait for the model.",
    504: "The model took too long.",
}
_PLACEHOLDER: Final = re.compile(r"{(\w+)(?::\w+)?}")


class RouteLike(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def operation(self) -> Operation: ...
    @property
    def endpoint(self) -> str: ...


def describe_routes(routes: Iterable[RouteLike], prefix: str = "") -> dict[str, Any]:
    """An OpenAPI 3.1 document.

    Args:
        prefix: what stands before every path on this server.
    """
    paths: dict[str, dict[str, Any]] = {}
    seen: dict[str, int] = {}
    for route in routes:
        seen[route.endpoint] = seen.get(route.endpoint, 0) + 1
        count = seen[route.endpoint]
        name = route.endpoint if count == 1 else f"{route.endpoint}_{count}"
        path = _PLACEHOLDER.sub(r"{\1}", route.path)
        described = _operation(route, DESCRIPTIONS[route.operation], name)
        paths.setdefault(path, {})[route.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "security": [{}, {"token": []}],
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: RouteLike, description: Description, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": name,
        "tags": [description.tag],
        "summary": description.summary,
    }
    if description.text:
        found["description"] = description.text
    parameters = [_path_parameter(name) for name in _PLACEHOLDER.findall(route.path)]
    parameters += [_header(name, text) for name, text in description.headers.items()]
    if parameters:
        found["parameters"] = parameters
    if description.body:
        found["requestBody"] = {"required": True, "content": _content(description.body)}
    found["responses"] = _responses(description)
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": STRING}


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": STRING}


def _responses(description: Description) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if description.answer:
        found["200"] = _response("As asked.", _content(description.answer))
    for status in description.errors:
        content = {JSON: {"schema": description.error}}
        found[str(status)] = _response(_phrase(status), content)
    for status, (text, other) in description.other.items():
        found[str(status)] = _response(text, _content(other))
    return found


def _response(text: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": content}


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or f"{HTTPStatus(status).phrase}."


def _content(content: Content) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for media_type, media in content.items():
        found[media_type] = {"schema": media.schema}
        if media.example is not None:
            found[media_type]["example"] = media.example
    return found
