"""TLS handshakes that take too long."""

from __future__ import annotations

import ssl
from typing import Any


def limit_handshake(context: ssl.SSLContext, limit: float | None) -> ssl.SSLContext:
    """Give up a TLS handshake after ``limit`` seconds; gevent's contexts have sockets of their own.

    Returns:
        The context itself.
    """
    base: Any = context.sslsocket_class

    class HandshakeInTime(base):  # type: ignore[misc]
        def do_handshake(self, *given: Any) -> None:
            self.settimeout(limit)
            try:
                super().do_handshake(*given)
            except TimeoutError as error:
                # What gunicorn takes for a client that has gone, without a word in the log.
                raise ssl.SSLError(ssl.SSL_ERROR_EOF, "too slow") from error
            self.settimeout(None)

    context.sslsocket_class = HandshakeInTime
    return context
