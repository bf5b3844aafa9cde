"""Any body in, any body out: the two ends of a ``score_unstructured`` hook."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl

from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.predictor import UnstructuredReply
from datarobot_drum.drum.prediction.messages import (
    JSON,
    Body,
    PredictRequest,
    PredictResponse,
    parse_content_type,
)
from datarobot_drum.drum.prediction.payload.charsets import decode_text

TEXT: Final = "text/plain"
BINARY: Final = "application/octet-stream"
UTF8: Final = "utf-8"
# The default of `drum score`.
FILE_CONTENT_TYPE: Final = f"text/plain; charset={UTF8}"
NOTHING: Final = "Return value from prediction is: None (NULL in R)"


class Query(dict[str, str]):
    """A query string: the first value of each key as a dict, all of them by ``getlist``.

    Hooks were written for Werkzeug's multi-dict, so its methods have their names here.
    """

    def __init__(self, query: str) -> None:
        self._values = parse_qs(query, keep_blank_values=True)
        super().__init__({key: values[0] for key, values in self._values.items()})

    def get(self, key: str, default: Any = None, type: Callable[[str], Any] = str) -> Any:
        """The first value as ``type``; the default when it is not there or does not convert."""
        try:
            return type(self[key])
        except (KeyError, ValueError, TypeError):
            return default

    def getlist(self, key: str) -> list[str]:
        return list(self._values.get(key, ()))

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        return dict(self) if flat else {key: list(values) for key, values in self._values.items()}


def read_unstructured(request: PredictRequest) -> tuple[str | bytes, dict[str, Any]]:
    """The body of a request and the keywords for the hook.

    Returns:
        Text for ``text/*``, JSON and bodies without a type, else bytes; and ``mimetype``,
        ``query``, ``headers`` and, where one is known, ``charset``.

    Raises:
        PayloadError: text that is not in its charset, or a charset that nobody knows.
    """
    data, keywords = _decode(request.body, request.content_type, UTF8)
    headers = {name.title(): value for name, value in request.headers.items()}
    return data, keywords | {"query": Query(request.query), "headers": headers}


def read_unstructured_file(
    data: bytes, content_type: str | None, query: str | None
) -> tuple[str | bytes, dict[str, Any]]:
    """The same for a file under ``drum score``, with a plain dict for a query.

    Raises:
        PayloadError: text that is not in its charset, or a charset that nobody knows.
    """
    decoded, keywords = _decode(data, content_type or FILE_CONTENT_TYPE, UTF8)
    return decoded, keywords | {"query": dict(parse_qsl(query or "", keep_blank_values=True))}


def _decode(body: Body, header: str, default_charset: str) -> tuple[str | bytes, dict[str, Any]]:
    sent, mimetype, charset, _ = parse_content_type(header)
    keywords = {"mimetype": sent or TEXT}
    is_text = not mimetype or mimetype.startswith("text/") or mimetype == JSON
    if is_text and charset is None:
        charset = default_charset
    if charset is not None:
        keywords["charset"] = charset
    data = bytes(body)
    return (_text(data, charset) if is_text and charset else data), keywords


def _text(data: bytes, charset: str) -> str:
    try:
        return decode_text(data, charset)
    except (LookupError, ValueError) as error:
        raise PayloadError(str(error)) from error


def unstructured_response(reply: UnstructuredReply) -> PredictResponse:
    """What the hook returned, as the answer.

    Raises:
        ModelError: text that its charset cannot hold, or a content type that no header can.
    """
    body = encode_reply(reply)
    is_bytes = isinstance(reply.data, bytes)
    charset = reply.charset or (None if is_bytes else UTF8)
    content_type = reply.mimetype or (BINARY if is_bytes else TEXT)
    if charset is not None:
        content_type = f"{content_type}; charset={charset}"
    if not (content_type.isascii() and content_type.isprintable()):
        raise ModelError("The hook returned a mimetype or charset that no header can hold.")
    return PredictResponse(HTTPStatus.OK, body, content_type)


def encode_reply(reply: UnstructuredReply, nothing: str = "") -> bytes:
    """The bytes of a reply; ``nothing`` stands for None.

    Raises:
        ModelError: text that its charset cannot hold.
    """
    if isinstance(reply.data, bytes):
        return reply.data
    text = nothing if reply.data is None else reply.data
    try:
        return text.encode(reply.charset or UTF8)
    except (LookupError, ValueError) as error:
        raise ModelError(str(error)) from error
