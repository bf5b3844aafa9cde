"""The Open Inference Protocol, version 2, over REST: what KServe, Triton and MLServer speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from datarobot_drum import __version__
from datarobot_drum.drum.enum import REGRESSION_PRED_COLUMN, TargetType
from datarobot_drum.drum.exceptions import MalformedRequestError, NotSupportedError, PayloadError
from datarobot_drum.drum.model.predictor import ModelInfo, Predictor, RowSource
from datarobot_drum.drum.prediction.figures.metrics import model_name
from datarobot_drum.drum.prediction.messages import JSON, PredictRequest, PredictResponse
from datarobot_drum.drum.prediction.open_inference.infer_request import (
    HEADER_LENGTH,
    PANDAS,
    InferRequest,
    frame_of,
    read_infer_request,
)
from datarobot_drum.drum.prediction.open_inference.tensors import (
    BYTES,
    Tensor,
    array_to_bytes,
    tensor_of,
)
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.payload.predictions_response import TEXT_TYPES, as_floats

if TYPE_CHECKING:
    import pandas as pd

OPERATIONS: Final = frozenset(
    {
        Operation.V2_SERVER,
        Operation.V2_LIVE,
        Operation.V2_READY,
        Operation.V2_MODEL,
        Operation.V2_MODEL_READY,
        Operation.V2_INFER,
    }
)
SERVER_NAME: Final = "datarobot_drum"
MODEL_VERSION: Final = "1"
EXTENSIONS: Final = ("binary_tensor_data",)
BINARY: Final = "application/octet-stream"
NO_UNSTRUCTURED: Final = (
    "An unstructured model has no tensors, use the /predictUnstructured/ endpoint."
)


class OpenInference:
    """The protocol's operations on one model.

    Args:
        is_ready: False while the server drains.
        can_work: False while this process is unable to answer any prediction.
        max_decoded: bytes that the rows of any request may take; None: no limit.

    Attributes:
        status: the operations that are answered without calling the model.
    """

    def __init__(
        self,
        predictor: Predictor,
        is_ready: Callable[[], bool],
        can_work: Callable[[], bool],
        max_decoded: int | None = None,
    ) -> None:
        self._predictor = predictor
        self._info = predictor.info
        self._name = model_name(predictor.info)
        self._is_ready = is_ready
        self._max_decoded = max_decoded
        self.status: Mapping[Operation, Callable[[PredictRequest], PredictResponse]] = {
            Operation.V2_SERVER: lambda _request: server_metadata(),
            Operation.V2_LIVE: lambda _request: live(can_work()),
            Operation.V2_READY: lambda _request: ready(is_ready()),
            Operation.V2_MODEL: self._model_metadata,
            Operation.V2_MODEL_READY: self._model_ready,
        }

    def infer(self, request: PredictRequest) -> PredictResponse:
        """Predict the rows of an inference request.

        Raises:
            MalformedRequestError: it is no inference request, or asks for unknown outputs.
            BodyTooLargeError: its rows would take more than allowed.
            NotSupportedError: another model's name or version.
            PayloadError: the model is unstructured.
            UnsupportedMediaTypeError: the body is compressed.
        """
        self._require_name(request)
        wanted = read_infer_request(request)
        frame = frame_of(wanted, self._info.feature_names, request.most_decoded(self._max_decoded))
        outputs = self._predict(frame, RowSource(request.body, JSON))
        return self._encode(wanted, _selected(outputs, wanted))

    def _predict(self, frame: pd.DataFrame, source: RowSource) -> list[Tensor]:
        target_type = self._info.target_type
        if target_type is TargetType.UNSTRUCTURED:
            raise PayloadError(NO_UNSTRUCTURED)
        if target_type is TargetType.TRANSFORM:
            return _columns_of(self._predictor.transform(frame, None, source))
        predictions = self._predictor.predict(frame, source)
        values = predictions.values
        if target_type not in TEXT_TYPES:
            values = as_floats(values)
        outputs = [
            tensor_of(name, values[:, position])
            for position, name in enumerate(predictions.columns)
        ]
        extra = [] if predictions.extra is None else _columns_of(predictions.extra)
        return outputs + extra

    def _encode(self, wanted: InferRequest, outputs: list[tuple[Tensor, bool]]) -> PredictResponse:
        content: dict[str, Any] = {"model_name": self._name, "model_version": MODEL_VERSION}
        if wanted.id is not None:
            content["id"] = wanted.id
        if wanted.content_type == PANDAS:
            content["parameters"] = {"content_type": PANDAS}
        binary: list[bytes] = []
        content["outputs"] = [_encode_output(tensor, how, binary) for tensor, how in outputs]
        header = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
        if not any(how for _, how in outputs):
            return PredictResponse(HTTPStatus.OK, header)
        return PredictResponse(
            HTTPStatus.OK,
            b"".join([header, *binary]),
            BINARY,
            ((HEADER_LENGTH, str(len(header))),),
        )

    def _model_metadata(self, request: PredictRequest) -> PredictResponse:
        self._require_name(request)
        content = {
            "name": self._name,
            "versions": [MODEL_VERSION],
            "platform": f"{SERVER_NAME}_{self._info.language.value}",
            "inputs": _described_inputs(self._info),
            "outputs": _described_outputs(self._info),
        }
        return _json(content)

    def _model_ready(self, request: PredictRequest) -> PredictResponse:
        self._require_name(request)
        status = HTTPStatus.OK if self._is_ready() else HTTPStatus.SERVICE_UNAVAILABLE
        return _json({"name": self._name, "ready": self._is_ready()}, status)

    def _require_name(self, request: PredictRequest) -> None:
        if request.path_params.get("name") != self._name:
            raise NotSupportedError(f"There is no such model here; this one is '{self._name}'.")
        if request.path_params.get("version", MODEL_VERSION) != MODEL_VERSION:
            raise NotSupportedError(f"There is no such version; this one is '{MODEL_VERSION}'.")


def live(is_live: bool) -> PredictResponse:
    status = HTTPStatus.OK if is_live else HTTPStatus.SERVICE_UNAVAILABLE
    return _json({"live": is_live}, status)


def ready(is_ready: bool) -> PredictResponse:
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return _json({"ready": is_ready}, status)


def server_metadata() -> PredictResponse:
    return _json({"name": SERVER_NAME, "version": __version__, "extensions": list(EXTENSIONS)})


def as_protocol_error(response: PredictResponse) -> PredictResponse:
    """The same error with the body that the protocol asks for."""
    assert isinstance(response.body, bytes)
    message = str(orjson.loads(response.body)["message"])
    body = orjson.dumps({"error": message.removeprefix("ERROR: ")})
    return PredictResponse(response.status, body, headers=response.headers)


def _json(content: Mapping[str, Any], status: int = HTTPStatus.OK) -> PredictResponse:
    return PredictResponse(status, orjson.dumps(content))


def _columns_of(frame: pd.DataFrame) -> list[Tensor]:
    return [
        tensor_of(str(name), frame.iloc[:, position].to_numpy())
        for position, name in enumerate(frame.columns)
    ]


def _selected(tensors: list[Tensor], wanted: InferRequest) -> list[tuple[Tensor, bool]]:
    """The outputs asked for, and whether each is sent as binary data."""
    default = wanted.binary_output
    requested = wanted.outputs
    if not requested:
        return [(tensor, default) for tensor in tensors]
    by_name = {tensor.name: tensor for tensor in tensors}
    unknown = [position for position, output in enumerate(requested) if output.name not in by_name]
    if unknown:
        raise MalformedRequestError(
            f"outputs[{unknown[0]}]: there is no such output; there are: {', '.join(by_name)}."
        )
    return [
        (by_name[output.name], default if output.binary is None else output.binary)
        for output in requested
    ]


def _encode_output(tensor: Tensor, as_binary: bool, binary: list[bytes]) -> dict[str, Any]:
    output: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.values.shape),
        "datatype": tensor.datatype,
    }
    parameters: dict[str, Any] = {}
    if tensor.content_type is not None:
        parameters["content_type"] = tensor.content_type
    if as_binary:
        binary.append(array_to_bytes(tensor))
        parameters["binary_data_size"] = len(binary[-1])
    if parameters:
        output["parameters"] = parameters
    if not as_binary:
        # The encoder takes numbers without a Python object for each, but only side by side.
        numbers = tensor.datatype != BYTES
        output["data"] = tensor.values.copy() if numbers else tensor.values.tolist()
    return output


def _described_inputs(info: ModelInfo) -> list[dict[str, Any]]:
    """A matrix where the model names its columns; else nothing is known before a request."""
    if info.feature_names is None:
        return []
    return [{"name": "input", "datatype": "FP64", "shape": [-1, len(info.feature_names)]}]


def _described_outputs(info: ModelInfo) -> list[dict[str, Any]]:
    if info.target_type in (TargetType.UNSTRUCTURED, TargetType.TRANSFORM):
        return []
    names = info.labels.names if info.labels else (REGRESSION_PRED_COLUMN,)
    datatype = BYTES if info.target_type in TEXT_TYPES else "FP64"
    return [{"name": name, "datatype": datatype, "shape": [-1]} for name in names]
