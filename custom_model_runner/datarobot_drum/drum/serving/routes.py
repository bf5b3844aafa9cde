"""HTTP as data: which method and path means which operation, the headers of every answer,
and how an exception becomes a status and a body. Shared by all fronts.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from datarobot_drum import __version__
from datarobot_drum.drum.prediction.figures.metrics import OTHER
from datarobot_drum.drum.prediction.messages import Header, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.small_json import small_json

REQUEST_ID_HEADER: Final = "X-Request-ID"
LEGACY_REQUEST_ID_HEADER: Final = "X_Request_ID"
VERSION_HEADER: Final = "X-Drum-Version"

# On every answer, unless an extension sets them itself.
STATIC_HEADERS: Final[tuple[Header, ...]] = (
    (VERSION_HEADER, __version__),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)

# What a request's head may have, beside what HTTP says: as much as gunicorn's parser takes.
MAX_REQUEST_LINE: Final = 8190
MAX_HEADERS: Final = 100
CONTINUES: Final = "100-continue"

# How statuses begin whose answers have no body, and what would announce one.
BODILESS: Final = ("1", "204", "304")
OF_A_BODY: Final = frozenset({"content-length", "transfer-encoding"})

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


def _proxied(path: str) -> tuple[Route, ...]:
    methods = ("GET", "POST", "PUT")
    return tuple(Route(path, way, Operation.DIRECT_ACCESS, "forward_request") for way in methods)


def _model_routes(path: str) -> tuple[Route, ...]:
    return (
        _get(path, Operation.V2_MODEL, "v2_model"),
        _get(f"{path}/ready", Operation.V2_MODEL_READY, "v2_model_ready"),
        _post(f"{path}/infer", Operation.V2_INFER, "v2_infer"),
    )


# Endpoint names are public: extension files compare ``flask.request.endpoint`` with
# ``model_api.<endpoint>``.
ROUTES: Final[tuple[Route, ...]] = (
    _post("/predict/", Operation.PREDICT, "predict"),
    _post("/predictions/", Operation.PREDICT, "predict"),
    _post("/invocations", Operation.PREDICT, "predict"),
    _post("/transform/", Operation.TRANSFORM, "transform"),
    _post("/predictUnstructured/", Operation.PREDICT_UNSTRUCTURED, "predict_unstructured"),
    _post("/predictionsUnstructured/", Operation.PREDICT_UNSTRUCTURED, "predict_unstructured"),
    _get("/", Operation.PING, "ping"),
    _get("/ping/", Operation.PING, "ping"),
    _get("/health/", Operation.HEALTH, "health"),
    _get("/livez", Operation.LIVEZ, "livez"),
    _get("/readyz", Operation.READYZ, "readyz"),
    _get("/info/", Operation.INFO, "info"),
    _get("/capabilities/", Operation.CAPABILITIES, "capabilities"),
    _get("/stats/", Operation.STATS, "stats"),
    _get("/metrics", Operation.METRICS, "metrics"),
    _post("/chat/completions", Operation.CHAT, "chat"),
    _post("/v1/chat/completions", Operation.CHAT, "chat"),
    _get("/models", Operation.MODELS, "get_supported_llm_models"),
    _get("/v1/models", Operation.MODELS, "get_supported_llm_models"),
    *_proxied("/directAccess/{path:path}"),
    *_proxied("/nim/{path:path}"),
    _get("/v2", Operation.V2_SERVER, "v2_server"),
    _get("/v2/health/live", Operation.V2_LIVE, "v2_live"),
    _get("/v2/health/ready", Operation.V2_READY, "v2_ready"),
    *_model_routes("/v2/models/{name}"),
    *_model_routes("/v2/models/{name}/versions/{version}"),
)


def spellings(path: str) -> tuple[str, ...]:
    """The path with and without its trailing slash; the root has one spelling."""
    bare = path.rstrip("/")
    return (bare, bare + "/") if bare else ("/",)


def pattern(path: str) -> re.Pattern[str]:
    """What a path with placeholders matches: ``{name}`` one segment, ``{name:path}`` the rest."""
    parts = []
    for segment in path.split("/"):
        if segment.startswith("{"):
            name, _, converter = segment.strip("{}").partition(":")
            parts.append(f"(?P<{name}>{'[^/].*' if converter else '[^/]+'})")
        else:
            parts.append(re.escape(segment))
    return re.compile("/".join(parts))


# The ids need not be secret, and asking the system for random bytes each time costs more than
# all the rest. A forked worker must not repeat its siblings' ids.
_random: Final = random.Random()
os.register_at_fork(after_in_child=_random.seed)
_UUID4_VERSION: Final = 0x4 << 76
_UUID4_VARIANT: Final = 0x8 << 60
_UUID4_MASK: Final = ~((0xF << 76) | (0xC << 60))


def _new_uuid4() -> str:
    number = _random.getrandbits(128) & _UUID4_MASK | _UUID4_VERSION | _UUID4_VARIANT
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def request_id(incoming: str | None) -> str:
    """The caller's id when it is 1 to 128 visible ASCII characters, else a new UUID4."""
    if incoming and _VISIBLE_ASCII.fullmatch(incoming):
        return incoming
    return _new_uuid4()


def request_id_headers(current_request_id: str) -> tuple[Header, ...]:
    """The id of a request, in both spellings."""
    return (
        (REQUEST_ID_HEADER, current_request_id),
        (LEGACY_REQUEST_ID_HEADER, current_request_id),
    )


def standard_headers(current_request_id: str) -> tuple[Header, ...]:
    """The headers that every answer carries, whoever made it."""
    return (*request_id_headers(current_request_id), *STATIC_HEADERS)


def prefixed(prefix: str) -> Iterator[tuple[Route, str]]:
    """Every route with every spelling of its path under ``URL_PREFIX``."""
    for route in ROUTES:
        for path in spellings(prefix + route.path):
            yield route, path


class Labels:
    """The routes of paths, as metrics name them.

    Args:
        prefix: ``URL_PREFIX``.
    """

    def __init__(self, prefix: str) -> None:
        self._plain: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for route, path in prefixed(prefix):
            if "{" in path:
                self._patterns.append((pattern(path), route.path))
            else:
                self._plain[path] = route.path

    def of(self, path: str) -> str:
        """The route of a path; ``other`` for all that are not ours."""
        known = self._plain.get(path)
        if known is not None:
            return known
        return next((label for form, label in self._patterns if form.fullmatch(path)), OTHER)


def allowed_methods(route_methods: Iterable[str]) -> str:
    """The value of ``Allow``: HEAD comes with GET, OPTIONS with everything."""
    methods = {*route_methods, "OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def failure(status: int, text: str, headers: tuple[Header, ...] = ()) -> PredictResponse:
    """An error that a front found before the service was asked."""
    return PredictResponse(status, small_json({"message": f"ERROR: {text}"}), headers=headers)


def not_found() -> PredictResponse:
    return failure(404, "This server has no such route.")


def method_not_allowed(allow: str) -> PredictResponse:
    return failure(405, f"This method is not allowed here. Allowed: {allow}.", (("Allow", allow),))


def body_too_large(limit: int) -> PredictResponse:
    return failure(413, f"The request body is larger than the {limit} bytes allowed.")


def not_http(status: int = HTTPStatus.BAD_REQUEST) -> PredictResponse:
    """What a server's own parser refuses, before there is a request to route."""
    # Versions and codings that nobody speaks: a 5xx would call for the operator, not the client.
    if status in (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED):
        status = HTTPStatus.BAD_REQUEST
    if status == HTTPStatus.BAD_REQUEST:
        return failure(status, "The request is not valid HTTP.")
    refused = HTTPStatus(status)
    return failure(status, f"{refused.description or refused.phrase}.")


def last_bytes(answer: PredictResponse, current_request_id: str) -> bytes:
    """An answer that is sent below the application, as the connection's last."""
    assert isinstance(answer.body, bytes)
    status = HTTPStatus(answer.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in standard_headers(current_request_id)]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}"]
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + answer.body
