"""TLS handshakes that take too long."""

from __future__ import annotations

import ssl


def limit_handshake(context: ssl.SSLContext, limit: float | None) -> None:
    """Give up a TLS handshake after ``limit`` seconds."""

    class HandshakeInTime(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            self.settimeout(limit)
            try:
                super().do_handshake(block)
            except TimeoutError as error:
                # What gunicorn takes for a client that has gone, without a word in the log.
                raise ssl.SSLError(ssl.SSL_ERROR_EOF, "too slow") from error
            self.settimeout(None)

    context.sslsocket_class = HandshakeInTime
