"""How httptools parses: of what has come no more than one request, with the body of every one.

It takes the end of a head that offers another protocol (``Upgrade: h2c``, as Java's client does
with every first one) for that of the request: its body would be lost, and what comes of it later
be taken for the next request.
"""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httptools

from datarobot_drum.drum.fastapi.bounded import SMALL, OneAtATimeMixin
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving.routes import CONTINUES, MAX_HEADERS, MAX_REQUEST_LINE

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Base
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
else:
    _Base = object

_END_OF_HEAD: Final = b"\r\n\r\n"
# Bytes: parsed at once of a body whose end is not known.
_PIECE: Final = 16 * 1024
_CODING: Final = b"transfer-encoding"
_LENGTH: Final = b"content-length"
_OFFER: Final = b"upgrade"
_CONTINUES: Final = CONTINUES.encode()
# Two of them could be read in two ways. Llhttp itself refuses two lengths.
_SINGLE: Final = (b"authorization", b"content-type", b"host")
# Bytes of a request line beside its method and its target.
_BLANKS_AND_VERSION: Final = len("  HTTP/1.1")


class HeadError(ValueError):
    """A head that llhttp lets pass and the other servers refuse; uvicorn takes it for what the
    parser has refused.
    """

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status = status


class HeadThenBodyMixin(OneAtATimeMixin):
    """Of httptools, which parses all that it is given."""

    # Bytes of the body that have not come; None: nobody knows how many there are.
    _body_left: int | None = 0
    # The one of the requests on their way that is being answered; the others wait for it.
    _in_turn: RequestResponseCycle | None = None
    # What is no request, behind some that are: they are answered first.
    _refusal: tuple[PredictResponse, str] | None = None
    # Bytes of pieces in which no byte of a body in chunks was: what is said beside its sizes, and
    # trailers; and whether there was one in this piece.
    _between = 0
    _is_getting_on = False

    def _step(self, data: bytes, start: int) -> int:
        # What is left of a body that was answered before its end is only counted.
        if len(data) - start <= SMALL or self._answered_early is not None:
            return SMALL
        if self._awaits_head():
            end = data.find(_END_OF_HEAD, start)
            return len(data) if end < 0 else end + len(_END_OF_HEAD) - start
        return _PIECE if self._body_left is None else max(1, self._body_left)

    def on_headers_complete(self) -> None:
        names = [name for name, _ in self.headers]
        self._check_request_line(names)
        _check_headers(names)
        if b"expect" in names and dict(self.headers)[b"expect"].lower() != _CONTINUES:
            raise HeadError("something unknown is expected", HTTPStatus.EXPECTATION_FAILED)
        if b"_" in b"".join(names):
            # X_A and X-A are two names here and one to much that stands in front or behind.
            self.headers[:] = [pair for pair in self.headers if b"_" not in pair[0]]
        if self.parser.get_http_version() == "1.0":
            # Its client would take that for the answer.
            self.expect_100_continue = False
        self._body_left, self._is_getting_on = _announced(self.headers), True
        super().on_headers_complete()
        if not self.pipeline:
            self._in_turn = self.cycle

    def _check_request_line(self, names: list[bytes]) -> None:
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if version != "1.1" and (version != "1.0" or _CODING in names):
            raise HeadError(f"not spoken here: HTTP {version}")
        if version == "1.1" and b"host" not in names:
            raise HeadError("there is no host")
        if method == b"CONNECT":
            raise HeadError("this is no proxy")
        if len(method) + len(self.url) + _BLANKS_AND_VERSION > MAX_REQUEST_LINE:
            raise HeadError("the request line is too long", HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_response_complete(self) -> None:
        following = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if following is not None:
            self._in_turn = following
        if self._refusal is not None and not self._answers_whole_request():
            refusal, self._refusal = self._refusal, None
            if not self.transport.is_closing():
                super().refuse(*refusal)

    def refuse(self, answer: PredictResponse, reason: str) -> None:
        if self._answers_whole_request():
            self._refusal = (answer, reason)
        else:
            super().refuse(answer, reason)

    def _answers_whole_request(self) -> bool:
        cycle = self._in_turn
        return cycle is not None and not (cycle.response_complete or cycle.more_body)

    def is_unanswered(self) -> bool:
        return self._refusal is not None or super().is_unanswered()

    def awaits_more(self) -> bool:
        return self._refusal is None and super().awaits_more()

    def has_parsed(self, size: int) -> None:
        """So many bytes were parsed."""
        if self._body_left is not None or self._awaits_head() or not self.cycle.more_body:
            return
        self._between = 0 if self._is_getting_on else self._between + size
        self._is_getting_on = False
        if self._between > _PIECE:
            raise httptools.HttpParserError("too much between chunks")

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self._in_turn
        # Uvicorn tells the latest one only.
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def on_body(self, body: bytes) -> None:
        self._is_getting_on = True
        if self._body_left is not None:
            self._body_left -= len(body)
            # Empty bytes become the piece itself; uvicorn's bytearray would copy it, twice.
            if not self.cycle.body:
                self.cycle.body = b""  # type: ignore[assignment]
        super().on_body(body)


def _check_headers(names: list[bytes]) -> None:
    if len(names) > MAX_HEADERS:
        raise HeadError("too many headers", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    for name in _SINGLE:
        if names.count(name) > 1:
            raise HeadError(f"{name.decode()} stands there twice")


def _announced(headers: list[tuple[bytes, bytes]]) -> int | None:
    """How many bytes the body has; None: its chunks tell."""
    for name, value in headers:
        if name == _LENGTH:
            return int(value)
        if name == _CODING:
            return None
    return 0


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

    def has_parsed(self, size: int) -> None:
        """So many bytes were parsed."""


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
        else:
            self._protocol.has_parsed(len(data))
