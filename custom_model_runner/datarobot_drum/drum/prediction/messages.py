"""What a front hands to the service and gets back: HTTP without any web framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

EMPTY: Mapping[str, str] = MappingProxyType({})

JSON = "application/json"

# A body in memory, or a view of one that was spooled to disk.
Body: TypeAlias = bytes | memoryview
Header: TypeAlias = tuple[str, str]


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
    """

    body: Body = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    query: str = ""
    path_params: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    request_id: str = ""
    method: str = "POST"

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")


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
