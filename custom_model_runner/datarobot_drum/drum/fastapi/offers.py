"""Requests that offer another protocol (``Upgrade: h2c``, as Java's client does with every first
one) are read on in this one, with their body.

httptools takes the end of such a head for that of the request: its body would be lost, and what
comes of it later be taken for the next request.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httptools

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
else:
    _Base = object

_OFFER = b"upgrade"


class DecliningMixin(_Base):
    """Of a request with an offer that nobody takes, only the head without it is told to uvicorn."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.parser = _Parser(self)

    def on_headers_complete(self) -> None:
        if not self._declines():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._declines():
            super().on_message_complete()

    def _declines(self) -> bool:
        if not self.parser.should_upgrade():
            return False
        return self.parser.get_method() != b"CONNECT" and not self._should_upgrade()

    def read_on(self, offer: httptools.HttpParserUpgrade, data: bytes) -> None:
        """Parse what has come once more, and what comes after it, as if there were no offer."""
        if not self._declines():
            raise offer
        version = self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        head += [b"%s: %s" % header for header in self.headers if header[0] != _OFFER]
        self.parser = _Parser(self)
        self.parser.feed_data(b"\r\n".join([*head, b"", b""]))
        self.parser.feed_data(data[offer.args[0] :])


class _Parser(httptools.HttpRequestParser):
    def __init__(self, protocol: DecliningMixin) -> None:
        super().__init__(protocol)
        self._protocol = protocol
        # As uvicorn has it, where this version knows it.
        with contextlib.suppress(AttributeError):
            self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._protocol.read_on(offer, data)
