"""Reads a request's head as strictly as the other servers' parsers do.

What the standard library lets pass (two lengths, blanks before a colon, ends that are no ends) is
read in one way here and in another by a proxy in front.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPMessage
from typing import IO, Final
from urllib.parse import urlsplit

from datarobot_drum.drum.masking import masked
from datarobot_drum.drum.serving.routes import CONTINUES, MAX_HEADERS, MAX_REQUEST_LINE

_LONGEST_LINE: Final = 64 * 1024
# Characters of what is refused, in the log.
_MOST_SHOWN: Final = 200
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE: Final = re.compile(rb"([!$%&'*+.^_`|~0-9A-Z-]{3,20}) ([\x21-\x7e]+) (HTTP/1\.[01])")
_HEADER: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_CODINGS: Final = re.compile(r"((compress|deflate|gzip)[ \t]*,[ \t]*)*chunked", re.IGNORECASE)
_SINGLE: Final = ("Authorization", "Content-Length", "Content-Type", "Host", "Transfer-Encoding")


class HeadError(Exception):
    """The head is none; ``status`` says what the client is told."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """``target`` and ``version`` as they were sent."""

    method: str
    target: str
    version: str
    headers: HTTPMessage

    @property
    def expects_continue(self) -> bool:
        """The body comes when it is asked for."""
        return self.version != "HTTP/1.0" and "Expect" in self.headers


def read_head(line: bytes, source: io.BufferedIOBase | IO[bytes]) -> Head:
    """The head that begins with ``line`` and goes on in ``source``.

    Raises:
        HeadError: it is not one.
        EOFError: it ends early.
    """
    if line == b"\r\n":
        # Some clients send one behind a body.
        line = source.readline(_LONGEST_LINE + 1)
    if len(line) > MAX_REQUEST_LINE + len(b"\r\n"):
        raise HeadError("the request line is too long", HTTPStatus.REQUEST_URI_TOO_LONG)
    method, target, version = _request_line(_content(line))
    headers = HTTPMessage()
    for name, value in header_lines(source, MAX_HEADERS):
        headers[name] = value
    _check_framing(headers, version)
    return Head(method, target, version, headers)


def header_lines(source: io.BufferedIOBase | IO[bytes], most: int) -> Iterator[tuple[str, str]]:
    """Headers up to the empty line, which is read too. Raises what ``read_head`` does."""
    for _ in range(most + 1):
        line = source.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadError("a header is too long", status)
        content = _content(line)
        if not content:
            return
        found = _HEADER.fullmatch(content)
        if found is None:
            # What stands behind a colon may be secret.
            raise HeadError(f"not a header: {_shown(content.partition(b':')[0].decode('latin-1'))}")
        name, value = found.groups()
        yield name.decode("ascii"), value.rstrip(b" \t").decode("latin-1")
    raise HeadError("too many headers", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


def _content(line: bytes) -> bytes:
    """The line without its end."""
    if not line.endswith(b"\n"):
        raise EOFError("the head ends early")
    if not line.endswith(b"\r\n"):
        raise HeadError("a line ends without a carriage return")
    return line[:-2]


def _request_line(line: bytes) -> tuple[str, str, str]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise HeadError(f"not a request line: {_shown(line.decode('latin-1'))}")
    method, target, version = (part.decode("ascii") for part in found.groups())
    if method == "CONNECT" or not (target.startswith("/") or _is_special(method, target)):
        raise HeadError(f"not a request target: {_shown(target)}")
    try:
        # Werkzeug splits it too, and would not survive.
        urlsplit(target)
    except ValueError as error:
        raise HeadError(f"not a request target: {_shown(target)}") from error
    return method, target, version


def _shown(text: str) -> str:
    """Its beginning. Half of a secret would not be known as one."""
    return masked(text)[:_MOST_SHOWN]


def _is_special(method: str, target: str) -> bool:
    return (method, target) == ("OPTIONS", "*") or _ABSOLUTE.match(target) is not None


def _check_framing(headers: HTTPMessage, version: str) -> None:
    """There is one way to tell where the body ends."""
    for name in _SINGLE:
        if len(headers.get_all(name, ())) > 1:
            raise HeadError(f"{name} stands there twice")
    if "Host" not in headers and version != "HTTP/1.0":
        raise HeadError("there is no Host")
    if headers.get("Expect", CONTINUES).lower() != CONTINUES:
        raise HeadError("something unknown is expected", HTTPStatus.EXPECTATION_FAILED)
    length, coding = headers.get("Content-Length"), headers.get("Transfer-Encoding")
    if length is not None and _LENGTH.fullmatch(length) is None:
        raise HeadError(f"not a length: {_shown(length)}")
    if coding is None:
        return
    if _CODINGS.fullmatch(coding) is None:
        raise HeadError(f"not a transfer coding: {_shown(coding)}")
    if length is not None or version == "HTTP/1.0":
        raise HeadError("a transfer coding with a length, or in HTTP/1.0")
