"""``/openapi.json`` and ``/docs``: this server's routes and those of its extension."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from datarobot_drum.drum.pages.docs_page import docs_page
from datarobot_drum.drum.pages.openapi import describe_routes
from datarobot_drum.drum.serving import routes


def add_docs(app: FastAPI, url_prefix: str) -> None:
    """Serve the description of the application's routes, those added later included."""

    async def openapi(_request: Request) -> Response:
        return Response(orjson.dumps(describe(app, url_prefix)), media_type="application/json")

    async def page(_request: Request) -> Response:
        return HTMLResponse(docs_page(describe(app, url_prefix), f"{url_prefix}/openapi.json"))

    for path, endpoint in (("/openapi.json", openapi), ("/docs", page)):
        for spelling in routes.spellings(url_prefix + path):
            app.router.routes.append(Route(spelling, endpoint))


def describe(app: FastAPI, url_prefix: str) -> dict[str, Any]:
    """One document for both kinds of routes; only the server's own stand under the prefix."""
    document = describe_routes(routes.ROUTES, url_prefix)
    own = {f"{url_prefix}{path}": operations for path, operations in document["paths"].items()}
    extension = get_openapi(title="", version="", routes=app.routes)
    schemas = extension.get("components", {}).get("schemas", {})
    return document | {
        "servers": [{"url": "/"}],
        "paths": extension["paths"] | own,
        "components": document["components"]
        | {"schemas": schemas | document["components"]["schemas"]},
    }
