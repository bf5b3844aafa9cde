"""Chat and models: JSON in, one completion or a stream of chunks out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import (
    MalformedRequestError,
    ModelError,
    NotSupportedError,
    UnsupportedMediaTypeError,
)
from datarobot_drum.drum.model.predictor import Predictor, association_id
from datarobot_drum.drum.prediction.chat.loop_thread import LoopThread
from datarobot_drum.drum.prediction.chat.stream import (
    ASSOCIATION_ID,
    SERVER_ENDS,
    Events,
    error_event,
    is_async,
    open_stream,
    resolve,
    unexpected,
)
from datarobot_drum.drum.prediction.figures.tracing import RequestSpan, current_span
from datarobot_drum.drum.prediction.lane.streams import OpenStreams, StreamBody
from datarobot_drum.drum.prediction.messages import (
    COMPRESSED,
    PredictRequest,
    PredictResponse,
    is_compressed,
    parse_content_type,
)
from datarobot_drum.drum.prediction.payload.small_json import small_json

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
# Proxies that gather an answer before they send it would defeat a stream.
STREAM_HEADERS: Final = (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no"))

NOT_JSON: Final = (
    "415 Unsupported Media Type: Did not attempt to load JSON data because the request"
    " Content-Type was not 'application/json'."
)
ADD_HEADER: Final = " Add the header 'Content-Type: application/json'."
MALFORMED: Final = "The browser (or proxy) sent a request that this server could not understand."
NOT_AN_OBJECT: Final = "The request body must be a JSON object."
NO_CHAT_HOOK: Final = "This model's chat interface was called, but chat() is not implemented."
NO_CHAT: Final = "This model's chat interface was called, but chat is not supported."
NO_MODELS: Final = "get_supported_llm_models is supported only for TextGen models"
_CREATED: Final = 1735689600


class Headers(Mapping[str, str]):
    """Request headers for a hook: looked up in any case, listed as ``Title-Case``."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name.title() for name in self._headers)

    def __len__(self) -> int:
        return len(self._headers)


class Chat:
    """The chat operations of one model; several may run at a time.

    Args:
        describe: the text that a client gets for an exception after the first chunk.
        llm_id: the model to list where the folder has no hook that lists some.
    """

    def __init__(
        self, predictor: Predictor, describe: Callable[[Exception], str], llm_id: str | None = None
    ) -> None:
        self._predictor = predictor
        self._describe = describe
        self._llm_id = llm_id
        self._loop = LoopThread()
        self._streams = OpenStreams()

    def complete(self, request: PredictRequest) -> PredictResponse:
        """Answer with a completion, or with a ``StreamBody`` that has its first chunk.

        Raises:
            UnsupportedMediaTypeError: the body is not announced as JSON.
            MalformedRequestError: it is not a JSON object.
            NotSupportedError: the model has no ``chat`` hook.
            ModelError: the hook returned something else than completion or chunks.
            Exception: whatever the model raised before its first chunk.
        """
        params = read_params(request)
        span = current_span()
        if span is not None:
            span.chat_request(params)
        info = self._predictor.info
        if not info.supports_chat:
            raise NotSupportedError(_refusal(info.target_type))
        current_id = str(params.get(ASSOCIATION_ID) or uuid.uuid4())
        association_id.set(current_id)
        events = Events(current_id, self._describe, span)
        response = self._predictor.chat(params, Headers(request.headers))
        if is_async(response):
            response = resolve(response, events, self._loop)
        if getattr(response, "object", None) == "chat.completion":
            return _completion(response, current_id, span)
        body = response if isinstance(response, StreamBody) else open_stream(response, events)
        self._streams.add(body)
        return PredictResponse(HTTPStatus.OK, body, EVENT_STREAM, STREAM_HEADERS, close=body.close)

    def models(self) -> PredictResponse:
        """List the language models that the model can use.

        Raises:
            NotSupportedError: the model is not for text generation.
        """
        if self._predictor.info.target_type is not TargetType.TEXT_GENERATION:
            raise NotSupportedError(NO_MODELS)
        models = self._predictor.supported_llm_models()
        data = _configured_model(self._llm_id) if models is None else _descriptions(models)
        return PredictResponse(HTTPStatus.OK, small_json({"data": data, "object": "list"}))

    def end_streams(self) -> None:
        """End the streams that still run, and those that come, with an error event."""
        self._streams.cut(error_event(SERVER_ENDS))

    def close(self) -> None:
        self._loop.close()


def read_params(request: PredictRequest) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        UnsupportedMediaTypeError: the body is not announced as JSON, or is compressed.
        MalformedRequestError: it is not a JSON object.
    """
    mimetype = parse_content_type(request.content_type).mimetype
    suffixed = mimetype.startswith("application/") and mimetype.endswith("+json")
    if mimetype != "application/json" and not suffixed:
        raise UnsupportedMediaTypeError(NOT_JSON + ADD_HEADER)
    if is_compressed(request.headers):
        raise UnsupportedMediaTypeError(COMPRESSED)
    try:
        params = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(MALFORMED) from error
    if not isinstance(params, dict):
        raise MalformedRequestError(NOT_AN_OBJECT)
    return params


def _refusal(target_type: TargetType) -> str:
    chats = target_type in (TargetType.TEXT_GENERATION, TargetType.AGENTIC_WORKFLOW)
    return NO_CHAT_HOOK if chats else NO_CHAT


def _completion(completion: Any, current_id: str, span: RequestSpan | None) -> PredictResponse:
    if not completion.choices:
        raise ModelError("The chat completion has no choices.")
    if not hasattr(completion.choices[0].message, "content"):
        raise unexpected(completion)
    setattr(completion, ASSOCIATION_ID, current_id)
    content = completion.to_dict()
    if span is not None:
        span.chat_completion(content)
    return PredictResponse(HTTPStatus.OK, small_json(content))


def _descriptions(models: Any) -> list[Any]:
    return [model.to_dict() for model in models if getattr(model, "object", None) == "model"]


def _configured_model(llm_id: str | None) -> list[Any]:
    if llm_id is None:
        return []
    return [
        {"id": llm_id, "object": "model", "created": _CREATED, "owned_by": "DataRobot"},
    ]
