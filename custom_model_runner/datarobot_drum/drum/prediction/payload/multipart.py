"""multipart/form-data, parsed in place: parts are slices of the body, never copies of it.

Written here because the bodies are whole and in memory already: a streaming parser pays
for every chunk and copies the payload, this one looks for the boundary and slices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body, parse_content_type, parse_header
from datarobot_drum.drum.prediction.payload.charsets import decode_text

MULTIPART_FORM = "multipart/form-data"

_MAX_PARTS = 1000
_MAX_HEADER_BYTES = 16 * 1024
_MAX_CACHED = 512
_MAX_COPIED = 64 * 1024
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_REST_OF_DELIMITER = re.compile(rb"(--)|[ \t]*\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")
_CHARSET_QUOTE = re.compile(r"([\w.:+-]+)'[^']*'(.*)", re.DOTALL)


class Part(NamedTuple):
    """One part of a form.

    Attributes:
        name: the form field.
        filename: None for a plain field, maybe ``""`` for a file input left empty.
        content_type: the part's own header as sent, ``""`` when absent.
        data: a slice of the body.
    """

    name: str
    filename: str | None
    content_type: str
    data: Body


class _Delimiter(NamedTuple):
    """Where a boundary line starts (its line end in front included) and where it ends."""

    start: int
    end: int
    closing: bool


def parse_multipart(body: Body, content_type: str) -> list[Part]:
    """Split a multipart/form-data body into its parts, in their order.

    Preamble and epilogue are ignored, and lines may end in LF alone.

    Raises:
        PayloadError: no boundary, a truncated body, a part without a name.
    """
    parts: list[Part] = []
    begin: int | None = None
    for delimiter in _delimiters(body, _needle(content_type)):
        if begin is not None:
            parts.append(_parse_part(body, begin, delimiter.start))
        if delimiter.closing:
            return parts
        if len(parts) == _MAX_PARTS:
            _malformed(f"it has more than {_MAX_PARTS} parts")
        begin = delimiter.end
    _malformed("the closing boundary is missing")


def _malformed(reason: str) -> NoReturn:
    raise PayloadError(f"The multipart body cannot be read: {reason}.")


def _needle(content_type: str) -> bytes:
    boundary = parse_content_type(content_type).boundary
    if not boundary:
        _malformed("its Content-Type has no boundary")
    return b"--" + boundary.encode("utf-8", "surrogateescape")


def _delimiters(body: Body, needle: bytes) -> Iterator[_Delimiter]:
    position = _find(body, needle, 0)
    while position >= 0:
        start = _line_start(body, position)
        rest = _REST_OF_DELIMITER.match(body, position + len(needle))
        if start is None or rest is None:
            position = _find(body, needle, position + 1)
            continue
        yield _Delimiter(start, rest.end(), rest.group(1) is not None)
        position = _find(body, needle, rest.end())


def _find(body: Body, needle: bytes, start: int) -> int:
    if isinstance(body, bytes):
        return body.find(needle, start)
    # A view has no find(); a literal pattern is searched without copying.
    match = re.compile(re.escape(needle)).search(body, start)
    return -1 if match is None else match.start()


def _line_start(body: Body, position: int) -> int | None:
    """Where the line end before ``position`` begins; None when there is none."""
    if position == 0:
        return 0
    if body[position - 1] != 0x0A:
        return None
    return position - 2 if position > 1 and body[position - 2] == 0x0D else position - 1


def _parse_part(body: Body, begin: int, end: int) -> Part:
    # The blank line may be the one whose line end belongs to the delimiter: no data then.
    blank = _HEADERS_END.search(body, begin, min(end + 2, begin + _MAX_HEADER_BYTES))
    if blank is None:
        _malformed("a part has no blank line after its headers")
    headers = bytes(body[begin : blank.start()])
    read = _part_headers if len(headers) <= _MAX_CACHED else _part_headers.__wrapped__
    name, filename, content_type = read(headers)
    return Part(name, filename, content_type, _slice(body, blank.end(), max(end, blank.end())))


def _slice(body: Body, begin: int, end: int) -> Body:
    # Small parts are handled faster as bytes, large ones are not worth copying.
    if isinstance(body, bytes) and end - begin > _MAX_COPIED:
        return memoryview(body)[begin:end]
    return body[begin:end]


@lru_cache(maxsize=64)
def _part_headers(block: bytes) -> tuple[str, str | None, str]:
    disposition, content_type = "", ""
    for line in _FOLDED.sub(" ", block.decode("utf-8", "replace")).splitlines():
        key, _, value = line.partition(":")
        match key.strip().lower():
            case "content-disposition":
                disposition = value
            case "content-type":
                content_type = value.strip()
    parameters = parse_header(disposition).parameters
    if "name" not in parameters:
        _malformed("a part has no name")
    filename = _extended(parameters.get("filename*"))
    return parameters["name"], filename or parameters.get("filename"), content_type


def _extended(value: str | None) -> str | None:
    """Decode ``UTF-8''na%20me`` (RFC 8187); None when it is not of that form."""
    match = _CHARSET_QUOTE.fullmatch(value or "")
    if match is None:
        return None
    try:
        return decode_text(unquote_to_bytes(match.group(2)), match.group(1), "replace")
    except (LookupError, ValueError):
        return None
