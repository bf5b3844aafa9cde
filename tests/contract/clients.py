"""One face over every way to reach the server: send a request, get all of the answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

CSV = "text/csv"
BOUNDARY = "the-boundary"
# A model that never answers must fail the test, not hang it.
PATIENCE = 60


class Headers:
    """Header lines of an answer; names are case-insensitive, a name may come twice."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self.lines = [(name.lower(), value) for name, value in lines]

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.lines if known == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        values = self.all(name)
        return values[0] if values else default

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def __repr__(self) -> str:
        return repr(self.lines)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        """The body as JSON; the tokens NaN and Infinity are not JSON."""
        return json.loads(self.body, parse_constant=_refuse)

    @property
    def message(self) -> str:
        (key,) = self.json()
        assert key == "message", self.body
        return str(self.json()["message"])

    @property
    def predictions(self) -> list[Any]:
        assert self.status == 200, self.body
        found = self.json()["predictions"]
        assert isinstance(found, list)
        return found


def _refuse(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


class Client(Protocol):
    """``prefix`` stands before every path, as ``URL_PREFIX`` does on the server."""

    prefix: str

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer: ...


class Calls:
    """The calls that tests make all the time, on top of ``call``."""

    prefix = ""

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        raise NotImplementedError

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(
        self,
        path: str,
        body: bytes | str = b"",
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if content_type is not None:
            sent["Content-Type"] = content_type
        data = body.encode() if isinstance(body, str) else body
        return self.call("POST", path, body=data, headers=sent)

    def predict(self, csv: bytes | str, path: str = "/predict/") -> Answer:
        return self.post(path, csv, CSV)

    def upload(self, path: str, *parts: bytes) -> Answer:
        return self.post(path, multipart(*parts), f"multipart/form-data; boundary={BOUNDARY}")


def file_part(name: str, content: bytes | str, filename: str | None = None) -> bytes:
    """One part of a form; without ``filename`` a plain field."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    data = content.encode() if isinstance(content, str) else content
    return disposition.encode() + b"\r\n\r\n" + data + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    marker = b"--" + BOUNDARY.encode()
    return b"".join(marker + b"\r\n" + part for part in parts) + marker + b"--\r\n"


class FlaskClient(Calls):
    """The Flask application, without a socket."""

    def __init__(self, app: Any, prefix: str = "") -> None:
        self.app = app
        self.prefix = prefix

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path, _, query = (self.prefix + path).partition("?")
        # Flask's client takes `//` for the beginning of a URL; a server does not.
        path_info = unquote_to_bytes(path).decode("latin-1")
        with self.app.test_client().open(
            method=method,
            query_string=query,
            data=body,
            headers=dict(headers or {}),
            environ_overrides={"PATH_INFO": path_info},
        ) as answer:
            return Answer(answer.status_code, Headers(answer.headers.items()), answer.data)


class FastApiClient(Calls):
    """The FastAPI application, without a socket."""

    def __init__(self, test_client: Any, prefix: str = "") -> None:
        self._client = test_client
        self.prefix = prefix

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        # A whole URL, because `//` alone would be taken for the beginning of one.
        url = f"http://testserver{self.prefix}{path}"
        sent = [(name, value.encode("latin-1")) for name, value in (headers or {}).items()]
        answer = self._client.request(method, url, content=body, headers=sent)
        return Answer(
            answer.status_code, Headers(answer.headers.multi_items()), bytes(answer.content)
        )


class SocketClient(Calls):
    """A server process, one connection per call. ``stdout`` tells what it has printed."""

    def __init__(self, url: str, prefix: str, stdout: Callable[[], str]) -> None:
        self.url = url
        self.stdout = stdout
        self.prefix = prefix

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, self.prefix + path, body or None, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, Headers(answer.getheaders()), answer.read())
        finally:
            connection.close()
