"""The span of a request: its name, its attributes, and when it ends. Off: no spans at all."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from datarobot_drum import __version__
from datarobot_drum.drum import telemetry
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.prediction.figures.metrics import model_name
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation

Result = TypeVar("Result")

NAMES: Final = {
    Operation.PREDICT: "drum.invocations",
    Operation.V2_INFER: "drum.invocations",
    Operation.TRANSFORM: "drum.transform",
    Operation.PREDICT_UNSTRUCTURED: "drum.predictUnstructured",
    Operation.DIRECT_ACCESS: "drum.directAccess",
    Operation.CHAT: "drum.chat.completions",
}
STREAM_NAME: Final = "drum.chat.completions.stream"

_CONSUMER: Final = {
    "x-datarobot-consumer-id": "gen_ai.request.consumer_id",
    "x-datarobot-consumer-type": "gen_ai.request.consumer_type",
}


class RequestSpan:
    """One request's span, from its arrival to the end of its answer."""

    def __init__(self, name: str, request: PredictRequest, model: Mapping[str, str]) -> None:
        attributes = {**model, **_request_attributes(request)}
        self._span = telemetry.Span(name, request.headers, attributes)
        self._ended = False
        self._choices: dict[int, list[str]] = {}
        self._model: str | None = None

    def run(self, call: Callable[[], Result], child: str | None = None) -> Result:
        """Call with this span as the current one, so that what a hook traces is its child.

        Args:
            child: the name of a span around the call alone.
        """
        token = _current.set(self)
        try:
            return self._span.run(call, child)
        finally:
            _current.reset(token)

    def end(self, status: int) -> None:
        """The answer has this HTTP status; only the first call counts."""
        if self._ended:
            return
        self._ended = True
        if self._choices:
            self._completions({i: "".join(texts) for i, texts in self._choices.items()})
        self._span.set({"http.response.status_code": status})
        failed = status >= 500
        if failed:
            self._span.set({"error.type": str(status)})
        self._span.end(failed)

    # -- chat

    def chat_request(self, params: Mapping[str, Any]) -> None:
        given = params.get("messages")
        messages = [m for m in given if isinstance(m, dict)] if isinstance(given, list) else []
        found: dict[str, Any] = {"gen_ai.input.messages": _json(messages)}
        if isinstance(params.get("model"), str):
            found["gen_ai.request.model"] = params["model"]
        for i, message in enumerate(messages):
            found[f"gen_ai.prompt.{i}.role"] = str(message.get("role", ""))
            found[f"gen_ai.prompt.{i}.content"] = _text(message.get("content"))
        if messages:
            found["gen_ai.prompt"] = _text(messages[-1].get("content"))
        self._span.set(found)

    def chat_completion(self, completion: Mapping[str, Any]) -> None:
        """``completion`` as it is sent."""
        self._model = completion.get("model")
        texts = {}
        for i, choice in enumerate(completion.get("choices") or ()):
            texts[i] = _text((choice.get("message") or {}).get("content"))
        self._completions(texts)

    def chat_chunk(self, chunk: Any) -> None:
        """Gather what a stream has said; written down when it ends."""
        self._model = getattr(chunk, "model", None) or self._model
        for choice in getattr(chunk, "choices", None) or ():
            content = getattr(getattr(choice, "delta", None), "content", None)
            if isinstance(content, str):
                self._choices.setdefault(getattr(choice, "index", 0) or 0, []).append(content)

    def _completions(self, texts: Mapping[int, str]) -> None:
        role = "assistant"
        said = [{"role": role, "content": text} for text in texts.values()]
        found: dict[str, Any] = {"gen_ai.output.messages": _json(said)}
        if isinstance(self._model, str):
            found["gen_ai.response.model"] = self._model
        for i, text in texts.items():
            found[f"gen_ai.completion.{i}.role"] = role
            found[f"gen_ai.completion.{i}.content"] = text
        if texts:
            found["gen_ai.completion"] = next(iter(texts.values()))
        self._span.set(found)


_current: contextvars.ContextVar[RequestSpan | None] = contextvars.ContextVar(
    "request_span", default=None
)


def model_attributes(info: ModelInfo) -> dict[str, str]:
    """What the spans of all requests tell: whose they are, and which release served them."""
    return {
        "drum.model.name": model_name(info),
        "drum.model.target_type": info.target_type.value,
        "drum.version": __version__,
    }


def open_span(
    operation: Operation, request: PredictRequest, model: Mapping[str, str]
) -> RequestSpan | None:
    """The span of a request that just came, while telemetry is on; None when it has none."""
    name = NAMES.get(operation)
    return None if name is None else RequestSpan(name, request, model)


def current_span() -> RequestSpan | None:
    """The span of the request that this thread is answering."""
    return _current.get()


def _request_attributes(request: PredictRequest) -> dict[str, str]:
    found = {"http.request.method": request.method, "drum.request_id": request.request_id}
    if request.route:
        found["http.route"] = request.route
    for header, name in _CONSUMER.items():
        if header in request.headers:
            found[name] = request.headers[header]
    return found


def _text(content: object) -> str:
    """A message's content as text: its text parts, when it has parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, Iterable) and not isinstance(content, Mapping):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
