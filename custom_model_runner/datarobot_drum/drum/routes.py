"""HTTP as data: which method and path means which operation, the headers of every answer,
and how an exception becomes a status and a body. Shared by all fronts.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from datarobot_drum import __version__
from datarobot_drum.drum.prediction.messages import Header
from datarobot_drum.drum.prediction.operations import Operation

REQUEST_ID_HEADER: Final = "X-Request-ID"
LEGACY_REQUEST_ID_HEADER: Final = "X_Request_ID"
VERSION_HEADER: Final = "X-Drum-Version"

_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's address. ``{name}`` is one path segment, ``{name:path}`` the rest."""

    path: str
    method: str
    operation: Operation
    endpoint: str


def _post(path: str, operation: Operation, endpoint: str) -> Route:
    return Route(path, "POST", operation, endpoint)


def _get(path: str, operation: Operation, endpoint: str) -> Route:
    return Route(path, "GET", operation, endpoint)


# Endpoint names are public: extension files compare ``flask.request.endpoint`` with
# ``model_api.<endpoint>``.
ROUTES: Final[tuple[Route, ...]] = (
    _post("/predict/", Operation.PREDICT, "predict"),
    _post("/predictions/", Operation.PREDICT, "predict"),
    _post("/invocations", Operation.PREDICT, "predict"),
    _get("/", Operation.PING, "ping"),
    _get("/ping/", Operation.PING, "ping"),
    _get("/health/", Operation.HEALTH, "health"),
    _get("/livez", Operation.LIVEZ, "livez"),
    _get("/readyz", Operation.READYZ, "readyz"),
    _get("/info/", Operation.INFO, "info"),
    _get("/capabilities/", Operation.CAPABILITIES, "capabilities"),
    _get("/stats/", Operation.STATS, "stats"),
)


def spellings(path: str) -> tuple[str, ...]:
    """The path with and without its trailing slash; the root has one spelling."""
    bare = path.rstrip("/")
    return (bare, bare + "/") if bare else ("/",)


def request_id(incoming: str | None) -> str:
    """The caller's id when it is 1 to 128 visible ASCII characters, else a new UUID4."""
    if incoming and _VISIBLE_ASCII.fullmatch(incoming):
        return incoming
    return str(uuid.uuid4())


def standard_headers(current_request_id: str) -> tuple[Header, ...]:
    """The headers that every answer carries, whoever made it."""
    return (
        (REQUEST_ID_HEADER, current_request_id),
        (LEGACY_REQUEST_ID_HEADER, current_request_id),
        (VERSION_HEADER, __version__),
    )


def prefixed(prefix: str) -> Iterator[tuple[Route, str]]:
    """Every route with every spelling of its path under ``URL_PREFIX``."""
    for route in ROUTES:
        for path in spellings(route.path):
            yield route, prefix + path


