"""The Content-Type header, and the parameter syntax that Content-Disposition shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

_PARAMETER = re.compile(r';[\s;]*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.DOTALL)
# Only these may be escaped: an old browser sends C:\path\file in quotes, as it is.
_ESCAPED = re.compile(r'\\(["\\])')
_MAX_CACHED = 256
COMPRESSED: Final = "The body is compressed (header Content-Encoding): send it uncompressed."


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
    for match in _PARAMETER.finditer(separator + rest):
        name, quoted, token = match.groups()
        text = _ESCAPED.sub(r"\1", quoted) if quoted is not None else token
        parameters.setdefault(name.lower(), text)
    return HeaderValue(main.strip(), MappingProxyType(parameters))


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
