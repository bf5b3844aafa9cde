"""What each operation takes and gives, for the OpenAPI description. Examples are real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from datarobot_drum.drum.pages.schemas import FREE, STRING, Schema, ref
from datarobot_drum.drum.prediction.messages import JSON
from datarobot_drum.drum.prediction.open_inference.infer_request import HEADER_LENGTH
from datarobot_drum.drum.prediction.operations import Operation

PREDICTIONS: Final = "predictions"
CHAT: Final = "chat"
OPEN_INFERENCE: Final = "open inference protocol"
STATUS: Final = "status"
TAGS: Final[Mapping[str, str]] = {
    PREDICTIONS: "Rows in, predictions out.",
    CHAT: "The interface of OpenAI's clients.",
    OPEN_INFERENCE: "Version 2 of the protocol of KServe, Triton and MLServer.",
    STATUS: "What is known without calling the model; never waits for a prediction.",
}

_CSV_ROWS: Final = "sepal_length,sepal_width\n5.1,3.5\n6.2,2.9\n"
_RECORDS: Final = [{"sepal_length": 5.1, "sepal_width": 3.5}]
_MESSAGES: Final = {"model": "my-model", "messages": [{"role": "user", "content": "Hello"}]}
_COMPLETION: Final = {
    "choices": [{"index": 0, "message": {"content": "Hi!", "role": "assistant"}}],
    "datarobot_association_id": "0bd4e8b4-9b2d-4a35-8f7b-0d3c3b1d9b43",
    "object": "chat.completion",
}
_EVENTS: Final = 'data: {"object":"chat.completion.chunk","choices":[]}\n\ndata: [DONE]\n\n'
_INFER: Final = {
    "id": "1",
    "inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [[5.1, 3.5]]}],
}
_INFERRED: Final = {
    "model_name": "iris",
    "model_version": "1",
    "id": "1",
    "outputs": [{"name": "Predictions", "shape": [1], "datatype": "FP64", "data": [0.25]}],
}


@dataclass(frozen=True, slots=True)
class Media:
    """One form of a body."""

    schema: Schema
    example: Any = None


Content: TypeAlias = dict[str, Media]

BYTES_BODY: Final[Schema] = {"type": "string", "format": "binary"}
_JSON_ERROR: Final = ref("Error")


@dataclass(frozen=True, slots=True)
class Description:
    """One operation.

    Attributes:
        errors: statuses that answer with ``error``.
        other: statuses that answer with something of their own, by description and content.
    """

    tag: str
    summary: str
    text: str = ""
    body: Content = field(default_factory=dict)
    answer: Content = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    error: Schema = field(default_factory=lambda: _JSON_ERROR)
    other: Mapping[int, tuple[str, Content]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def _json(schema: str, example: Any = None) -> Content:
    return {JSON: Media(ref(schema), example)}


_FORM: Final[Schema] = {
    "type": "object",
    "properties": {
        "X": BYTES_BODY | {"description": "A CSV file, or a `.mtx` file."},
        "X.colnames": BYTES_BODY
        | {"description": "Names of a sparse matrix' columns, one a line."},
    },
    "required": ["X"],
}
_TRANSFORM_FORM: Final[Schema] = _FORM | {
    "properties": _FORM["properties"] | {"y": BYTES_BODY | {"description": "The target, as CSV."}}
}
_ROWS: Final[Content] = {
    "text/csv": Media(STRING, _CSV_ROWS),
    JSON: Media(ref("Rows"), _RECORDS),
    "text/mtx": Media(STRING),
    "application/vnd.apache.arrow.stream": Media(BYTES_BODY),
    "application/vnd.apache.parquet": Media(BYTES_BODY),
}
_MODEL_ERRORS: Final = (400, 413, 422, 500, 503, 504)
_MESSAGE: Final = _json("Message", {"message": "OK"})
_NOT_READY: Final = {503: ("The server is loading its model, or shutting down.", _json("Error"))}


def _v2(summary: str, answer: Content, **more: Any) -> Description:
    return Description(OPEN_INFERENCE, summary, answer=answer, error=ref("InferError"), **more)


DESCRIPTIONS: Final[Mapping[Operation, Description]] = {
    Operation.PREDICT: Description(
        PREDICTIONS,
        "Predict",
        "For every target type but transform and unstructured. An `Accept` of CSV or Arrow"
        " answers in it.",
        {"multipart/form-data": Media(_FORM), **_ROWS},
        {
            JSON: Media(
                {"anyOf": [ref("Predictions"), ref("DeploymentPredictions")]},
                {"predictions": [{"yes": 0.75, "no": 0.25}]},
            ),
            "text/csv": Media(STRING, "yes,no\n0.75,0.25\n"),
            "application/vnd.apache.arrow.stream": Media(BYTES_BODY),
        },
        _MODEL_ERRORS,
    ),
    Operation.TRANSFORM: Description(
        PREDICTIONS,
        "Transform",
        "For target type transform. The answer is a form with the parts `X.format`,"
        " `X.transformed`, and `X.colnames` for a sparse matrix.",
        {"multipart/form-data": Media(_TRANSFORM_FORM), **_ROWS},
        {"multipart/form-data": Media(FREE)},
        _MODEL_ERRORS,
    ),
    Operation.PREDICT_UNSTRUCTURED: Description(
        PREDICTIONS,
        "Predict from anything",
        "For target type unstructured: the model gets the body as it is, and its answer is sent"
        " as it is. The query string goes to the model.",
        {"*/*": Media(BYTES_BODY)},
        {"*/*": Media(BYTES_BODY)},
        _MODEL_ERRORS,
    ),
    Operation.CHAT: Description(
        CHAT,
        "Complete a chat",
        "A model that streams answers with server-sent events that end with `[DONE]`; an error"
        " after the first event is one with the key `error`, and nothing comes after it.",
        _json("ChatRequest", _MESSAGES),
        _json("ChatCompletion", _COMPLETION) | {"text/event-stream": Media(STRING, _EVENTS)},
        (400, 404, 413, 415, 500, 503, 504),
    ),
    Operation.MODELS: Description(
        CHAT,
        "List language models",
        "For target type textgeneration.",
        answer=_json("Models", {"data": [{"id": "my-model", "object": "model"}], "object": "list"}),
        errors=(404, 500, 503, 504),
    ),
    Operation.DIRECT_ACCESS: Description(
        CHAT,
        "Talk to the inference server behind the model",
        "Only for models that run in an OpenAI-compatible server.",
        errors=(400,),
    ),
    Operation.PING: Description(STATUS, "Is it there?", answer=_MESSAGE),
    Operation.HEALTH: Description(STATUS, "Is it well?", answer=_MESSAGE),
    Operation.LIVEZ: Description(STATUS, "Is the process alive?", answer=_MESSAGE),
    Operation.READYZ: Description(
        STATUS, "Can it take requests?", answer=_MESSAGE, other=_NOT_READY
    ),
    Operation.INFO: Description(STATUS, "Describe model and server", answer=_json("Info")),
    Operation.CAPABILITIES: Description(
        STATUS, "List what the model can do", answer=_json("Capabilities")
    ),
    Operation.STATS: Description(
        STATUS,
        "Show processes, memory and times",
        "Reading the times starts a new window.",
        answer=_json("Stats"),
    ),
    Operation.METRICS: Description(
        STATUS,
        "Metrics for Prometheus",
        answer={"text/plain": Media(STRING)},
    ),
    Operation.V2_SERVER: _v2("Describe the server", _json("ServerMetadata")),
    Operation.V2_LIVE: _v2("Is the process alive?", _json("Live", {"live": True})),
    Operation.V2_READY: _v2(
        "Can it take requests?",
        _json("Ready", {"ready": True}),
        other={503: ("Not now.", _json("Ready", {"ready": False}))},
    ),
    Operation.V2_MODEL: _v2("Describe the model", _json("ModelMetadata"), errors=(404,)),
    Operation.V2_MODEL_READY: _v2(
        "Can the model take requests?",
        _json("Ready", {"name": "iris", "ready": True}),
        errors=(404,),
        other={503: ("Not now.", _json("Ready", {"name": "iris", "ready": False}))},
    ),
    Operation.V2_INFER: _v2(
        "Predict",
        _json("InferResponse", _INFERRED)
        | {"application/octet-stream": Media(BYTES_BODY | {"description": "Binary tensors."})},
        text="One matrix of numbers, or a tensor for each column.",
        body=_json("InferRequest", _INFER)
        | {"application/octet-stream": Media(BYTES_BODY | {"description": "Binary tensors."})},
        errors=(400, 404, 415, 422, 500, 503, 504),
        # Found before the body is read, so before there is an inference request to answer.
        other={413: ("The body is larger than the server allows.", _json("Error"))},
        headers={HEADER_LENGTH: "Bytes of JSON before the binary tensors."},
    ),
}
