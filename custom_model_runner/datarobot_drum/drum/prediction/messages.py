"""What a front hands to the service and gets back: HTTP without any web framework, and the
syntax of those headers that say what a body is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from datarobot_drum.drum.knobs.predicting import MAX_DECODED_FACTOR

EMPTY: Mapping[str, str] = MappingProxyType({})

JSON = "application/json"

# A body in memory, or a view of one that was spooled to disk.
Body: TypeAlias = bytes | memoryview
Header: TypeAlias = tuple[str, str]


# Each is tried at one place only, never searched for: whatever a client sends, reading it takes
# time in proportion to its length.
_GAP = re.compile(r"[\s;]*")
_NAME = re.compile(r'[^\s;="]+')
_EQUALS = re.compile(r"\s*=\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TOKEN = re.compile(r'[^\s;"]*')
# Only these may be escaped: an old browser sends C:\path\file in quotes, as it is.
_ESCAPED = re.compile(r'\\(["\\])')
_MAX_CACHED = 256
COMPRESSED: Final = "The body is compressed (header Content-Encoding): send it uncompressed."


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """One request as it came in.

    Attributes:
        body: the raw body, multipart bodies unparsed.
        content_type: the Content-Type header as sent, ``""`` when absent.
        headers: all request headers; keys are lower case.
        query: the raw query string, without ``?``.
        path_params: values of the route's placeholders, e.g. ``{"name": "model"}``.
        request_id: checked or made by ``routes.request_id``.
        method: upper case.
        route: the path that was asked for, as metrics name it.
    """

    body: Body = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    query: str = ""
    path_params: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    request_id: str = ""
    method: str = "POST"
    route: str = ""

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    def most_decoded(self, least: int | None) -> int | None:
        """Bytes that the body may become once it is read.

        Args:
            least: what every body may become, however small; None: there is no limit.
        """
        return None if least is None else max(least, MAX_DECODED_FACTOR * len(self.body))


@dataclass(frozen=True, slots=True)
class PredictResponse:
    """One answer. ``body`` is whole, or an iterator whose every item is sent at once.

    ``close`` is called when a stream ends, also when the client went away before.
    """

    status: int
    body: bytes | Iterator[bytes]
    content_type: str = JSON
    headers: tuple[Header, ...] = ()
    close: Callable[[], None] | None = None


class HeaderValue(NamedTuple):
    """A header's main value as sent, and its parameters by lower-case name."""

    value: str
    parameters: Mapping[str, str]


class ContentType(NamedTuple):
    """A parsed Content-Type.

    Attributes:
        sent: without parameters, spelled as the client did; ``""`` when absent.
        mimetype: the same in lower case.
        charset: as sent, or None.
        boundary: of a multipart body, or None.
    """

    sent: str
    mimetype: str
    charset: str | None = None
    boundary: str | None = None


def parse_header(value: str) -> HeaderValue:
    """Split a header of the form ``main; name=value; name="value"``; never raises.

    Garbage between parameters is skipped; of a repeated parameter the first one counts.
    """
    main, separator, rest = value.partition(";")
    parameters: dict[str, str] = {}
    for name, text in _parameters(separator + rest):
        parameters.setdefault(name.lower(), text)
    return HeaderValue(main.strip(), MappingProxyType(parameters))


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    position = text.find(";")
    while position >= 0:
        begin = _end(_GAP, text, position)
        name = _NAME.match(text, begin)
        equals = name and _EQUALS.match(text, name.end())
        if name is None or equals is None:
            position = text.find(";", begin if name is None else name.end())
            continue
        quoted = _QUOTED.match(text, equals.end())
        if quoted is not None:
            yield name.group(), _ESCAPED.sub(r"\1", quoted.group(1))
            end = quoted.end()
        else:
            end = _end(_TOKEN, text, equals.end())
            yield name.group(), text[equals.end() : end]
        position = text.find(";", end)


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return begin if match is None else match.end()


@lru_cache(maxsize=64)
def _parse_cached(header: str) -> ContentType:
    sent, parameters = parse_header(header)
    charset = parameters.get("charset") or None
    return ContentType(sent, sent.lower(), charset, parameters.get("boundary"))


def parse_content_type(header: str) -> ContentType:
    """Parse a Content-Type header; garbage gives whatever can be told from it."""
    if len(header) > _MAX_CACHED:
        return _parse_cached.__wrapped__(header)
    return _parse_cached(header)


def is_compressed(headers: Mapping[str, str]) -> bool:
    """Whether the body is encoded, as Content-Encoding tells; ``headers`` are in lower case."""
    return headers.get("content-encoding", "").strip().lower() not in ("", "identity")
