"""The OpenAPI description: valid, complete, and true to its own schemas."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from datarobot_drum.drum.pages.openapi import describe_routes
from datarobot_drum.drum.serving.routes import ROUTES

DOCUMENT = describe_routes(ROUTES)
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [media for body in bodies for media in body.get("content", {}).values()]


def test_document_is_valid() -> None:
    validate(DOCUMENT)


def test_every_route_is_described_once() -> None:
    described = [
        (path, method.upper())
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    ]
    routed = [(route.path.replace(":path}", "}"), route.method) for route in ROUTES]
    assert described == list(dict.fromkeys(routed))
    assert len(routed) == len(set(routed))


def test_operation_ids_are_unique() -> None:
    ids = [param.values[0]["operationId"] for param in OPERATIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_examples_fit_their_schemas(operation: dict[str, Any]) -> None:
    for media in contents(operation):
        if "example" in media:
            schema = media["schema"] | {"components": DOCUMENT["components"]}
            OAS31Validator(schema).validate(media["example"])


def test_prefix_is_the_server_url() -> None:
    assert describe_routes(ROUTES, "/my/prefix")["servers"] == [{"url": "/my/prefix"}]
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_every_schema_is_used() -> None:
    text = str({key: value for key, value in DOCUMENT.items() if key == "paths"})
    for name in DOCUMENT["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in text
