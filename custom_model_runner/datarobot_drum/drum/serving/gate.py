"""What stands before every route on every server: the token and CORS. Only data in and out, so
that all fronts behave alike.
"""

from __future__ import annotations

import hmac
from typing import Final

from datarobot_drum.drum.knobs.serving import AccessSettings
from datarobot_drum.drum.prediction.messages import Header, PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.settings import ServerSettings

# Probes have no token: what asks them is a load balancer or an orchestrator.
OPEN_OPERATIONS: Final = frozenset(
    {
        Operation.PING,
        Operation.HEALTH,
        Operation.LIVEZ,
        Operation.READYZ,
        Operation.V2_LIVE,
        Operation.V2_READY,
    }
)
UNAUTHORIZED: Final = "This server needs the header 'Authorization: Bearer <token>'."
ANY_ORIGIN: Final = "*"

_EXPOSED: Final = f"{routes.REQUEST_ID_HEADER}, {routes.VERSION_HEADER}, Retry-After"
_PREFLIGHT_SECONDS: Final = "600"


def withheld(access: AccessSettings, has_model: bool) -> str:
    """The header that is the server's own and no hook's: its name in lower case, or none.

    A service without a model has no hooks, and asks for the token itself.
    """
    is_ours = has_model and access.auth_token is not None and not access.forward_authorization
    return "authorization" if is_ours else ""


class Gate:
    """The rules of one server.

    Attributes:
        is_plain: nothing is refused and no header depends on the request.
        label: the route of a path, as metrics name it.
    """

    def __init__(self, settings: ServerSettings) -> None:
        access = settings.access
        self._token = None if access.auth_token is None else access.auth_token.encode()
        self._origins = frozenset(access.cors_origins if access.cors_enabled else ())
        self._open = {
            path
            for route, path in routes.prefixed(settings.url_prefix)
            if route.operation in OPEN_OPERATIONS
        }
        self.is_plain = self._token is None and not self._origins
        self.label = routes.Labels(settings.url_prefix).of

    def allows(self, method: str, path: str, authorization: str) -> bool:
        """Whether the caller may use the path. Header values are decoded as Latin-1."""
        if self._token is None or (path in self._open and method in ("GET", "HEAD")):
            return True
        return self._is_right(authorization)

    def shows_token(self, request: PredictRequest) -> bool:
        """Whether who asks has the token, or there is none to have."""
        return self._is_right(request.headers.get("authorization", ""))

    def _is_right(self, authorization: str) -> bool:
        if self._token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token)
        return right and scheme.lower() == "bearer"

    def early_answer(
        self, method: str, path: str, authorization: str, origin: str, asked_method: str
    ) -> PredictResponse | None:
        """The answer to a browser's preflight or to a caller without the token, else None.

        Args:
            asked_method: the header ``Access-Control-Request-Method``.
        """
        if method == "OPTIONS" and asked_method and self._shares_with(origin):
            return PredictResponse(200, b"", "text/plain; charset=utf-8", _preflight_headers())
        if self.allows(method, path, authorization):
            return None
        return routes.failure(401, UNAUTHORIZED, (("WWW-Authenticate", "Bearer"),))

    def cors_headers(self, origin: str) -> tuple[Header, ...]:
        """What an answer to a page of another origin needs; empty when that may not read it."""
        if not self._origins:
            return ()
        if not self._shares_with(origin):
            return (("Vary", "Origin"),)
        if ANY_ORIGIN in self._origins:
            # Never with credentials: any page could act in its visitor's name.
            return (
                ("Access-Control-Allow-Origin", ANY_ORIGIN),
                ("Access-Control-Expose-Headers", _EXPOSED),
            )
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", _EXPOSED),
            ("Vary", "Origin"),
        )

    def _shares_with(self, origin: str) -> bool:
        return bool(origin) and (ANY_ORIGIN in self._origins or origin in self._origins)


def _preflight_headers() -> tuple[Header, ...]:
    return (
        ("Access-Control-Allow-Methods", "GET, POST, PUT"),
        ("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, X-Request-Id"),
        ("Access-Control-Max-Age", _PREFLIGHT_SECONDS),
    )
