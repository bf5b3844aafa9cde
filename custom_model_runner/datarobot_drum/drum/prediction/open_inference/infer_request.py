"""An inference request of the Open Inference Protocol -> tensors -> a frame."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from datarobot_drum.drum.exceptions import MalformedRequestError, UnsupportedMediaTypeError
from datarobot_drum.drum.prediction.messages import COMPRESSED, Body, PredictRequest, is_compressed
from datarobot_drum.drum.prediction.open_inference.tensors import (
    BYTES,
    DATATYPES,
    MAX_DIMENSIONS,
    NUMPY_TYPES,
    Tensor,
    array_from_bytes,
    array_from_json,
)
from datarobot_drum.drum.prediction.payload.csv.dialect import text_array
from datarobot_drum.drum.prediction.payload.decoded import check_decoded, table_size

if TYPE_CHECKING:
    import pandas as pd

    from datarobot_drum.drum.prediction.open_inference.tensors import Array

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
PANDAS: Final = "pd"
NUMPY: Final = "np"
BASE64: Final = "base64"


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """``binary``: as binary data; None: as the request says for all outputs."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request as it was meant.

    Attributes:
        outputs: the outputs asked for, in their order; empty: all.
        binary_output: outputs are sent as binary data unless one says otherwise.
        content_type: how the inputs stand together: ``pd``, ``np``, or not said.
    """

    tensors: tuple[Tensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    id: str | None = None
    content_type: str | None = None
    binary_output: bool = False


def read_infer_request(request: PredictRequest) -> InferRequest:
    """Read JSON, with or without binary data behind it.

    Raises:
        MalformedRequestError: it is no inference request; the text says which part is wrong.
        UnsupportedMediaTypeError: it is compressed.
    """
    if is_compressed(request.headers):
        raise UnsupportedMediaTypeError(COMPRESSED)
    header, binary = _split(request.body, request.headers.get(HEADER_LENGTH.lower()))
    content = _parsed(header)
    parameters = _parameters(content, "the request")
    identity = content.get("id")
    if identity is not None and not isinstance(identity, str):
        raise MalformedRequestError("id must be a string.")
    default = _content_type(parameters)
    return InferRequest(
        tensors=_read_inputs(content.get("inputs"), binary, default),
        outputs=_read_outputs(content.get("outputs")),
        id=identity,
        content_type=default,
        binary_output=parameters.get("binary_data_output") is True,
    )


def _split(body: Body, announced: str | None) -> tuple[Body, memoryview]:
    if announced is None:
        return body, memoryview(b"")
    # No body is so long that its length has more digits; int() refuses thousands of them.
    number = announced.isascii() and announced.isdigit() and len(announced) < 20
    length = int(announced) if number else -1
    if not 0 <= length <= len(body):
        raise MalformedRequestError(f"{HEADER_LENGTH} does not fit the body.")
    return memoryview(body)[:length], memoryview(body)[length:]


def _parsed(header: Body) -> dict[str, Any]:
    try:
        content = orjson.loads(header)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError("The request is not JSON.") from error
    if not isinstance(content, dict):
        raise MalformedRequestError("The request must be a JSON object.")
    return content


def _parameters(content: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = content.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise MalformedRequestError(f"{where}: parameters must be an object.")
    return parameters


def _content_type(parameters: Mapping[str, Any]) -> str | None:
    content_type = parameters.get("content_type")
    return content_type if isinstance(content_type, str) else None


def _read_inputs(inputs: object, binary: memoryview, default: str | None) -> tuple[Tensor, ...]:
    if not isinstance(inputs, list) or not inputs:
        raise MalformedRequestError("inputs must be a list with at least one tensor.")
    tensors = []
    for position, content in enumerate(inputs):
        tensor, size = _read_input(content, binary, default, f"inputs[{position}]")
        binary = binary[size:]
        tensors.append(tensor)
    if binary:
        raise MalformedRequestError("There is more binary data than the inputs say.")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise MalformedRequestError("Two inputs have the same name.")
    return tuple(tensors)


def _read_input(
    content: object, binary: memoryview, default: str | None, where: str
) -> tuple[Tensor, int]:
    """One tensor, and how many bytes of binary data it used."""
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise MalformedRequestError(f"{where} must be an object with a name.")
    shape, datatype = _shape(content, where), content.get("datatype")
    if datatype not in DATATYPES:
        raise MalformedRequestError(f"{where}: datatype must be one of {', '.join(DATATYPES)}.")
    parameters = _parameters(content, where)
    size = parameters.get("binary_data_size")
    if size is None:
        values = array_from_json(content.get("data"), datatype, shape, where)
    elif type(size) is int and 0 <= size <= len(binary):
        values = array_from_bytes(binary[:size], datatype, shape, where)
    else:
        raise MalformedRequestError(f"{where}: binary_data_size does not fit the body.")
    content_type = _content_type(parameters) or default
    if content_type == BASE64 and datatype == BYTES:
        values = _decoded(values, where)
    return Tensor(content["name"], datatype, values, content_type), size or 0


def _shape(content: Mapping[str, Any], where: str) -> tuple[int, ...]:
    shape = content.get("shape")
    if isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape):
        if len(shape) > MAX_DIMENSIONS:
            raise MalformedRequestError(f"{where}: the shape has too many dimensions.")
        return tuple(shape)
    raise MalformedRequestError(f"{where}: shape must be a list of whole numbers above 0.")


def _decoded(values: Array, where: str) -> Array:
    import numpy as np

    try:
        decoded = [None if v is None else base64.b64decode(v, validate=True) for v in values.flat]
    except (binascii.Error, ValueError) as error:
        raise MalformedRequestError(f"{where}: a value is not base64.") from error
    found = np.empty(len(decoded), dtype=object)
    found[:] = decoded
    return found.reshape(values.shape)


def _read_outputs(outputs: object) -> tuple[RequestedOutput, ...]:
    if outputs is None:
        return ()
    if not isinstance(outputs, list):
        raise MalformedRequestError("outputs must be a list.")
    return tuple(_read_output(content, f"outputs[{i}]") for i, content in enumerate(outputs))


def _read_output(content: object, where: str) -> RequestedOutput:
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise MalformedRequestError(f"{where} must be an object with a name.")
    binary = _parameters(content, where).get("binary_data")
    return RequestedOutput(content["name"], binary if isinstance(binary, bool) else None)


def frame_of(
    request: InferRequest, feature_names: tuple[str, ...] | None, limit: int | None = None
) -> pd.DataFrame:
    """The rows of a request: one matrix, or one tensor for each column.

    A single matrix of numbers is taken by position, unless ``pd`` says that its name is that
    of a column. Everything else is a column with the tensor's name.

    Args:
        feature_names: what a matrix' columns are called when there are as many of them.
        limit: bytes that the frame may take; None: no limit.

    Raises:
        BodyTooLargeError: the frame would take more.
        MalformedRequestError: tensors that do not make a table.
    """
    import pandas as pd

    first = request.tensors[0]
    if len(request.tensors) == 1 and _is_matrix(first):
        matrix: Any = _two_dimensional(first)
        check_decoded(table_size(*matrix.shape), limit)
        if first.datatype == BYTES:
            matrix = {place: _objects(first, column) for place, column in enumerate(matrix.T)}
        frame = pd.DataFrame(matrix)
        if feature_names is not None and len(feature_names) == frame.shape[1]:
            frame.columns = pd.Index(feature_names)
        return frame
    check_decoded(
        table_size(max(t.values.size for t in request.tensors), len(request.tensors)), limit
    )
    columns = [_column(tensor, position) for position, tensor in enumerate(request.tensors)]
    if len({len(column) for column in columns}) > 1:
        raise MalformedRequestError("All inputs must have the same number of rows.")
    frame = pd.concat([pd.Series(column) for column in columns], axis=1)
    frame.columns = pd.Index([tensor.name for tensor in request.tensors])
    return frame


def _is_matrix(tensor: Tensor) -> bool:
    if tensor.content_type in (PANDAS, NUMPY):
        return tensor.content_type == NUMPY
    return tensor.datatype in NUMPY_TYPES and tensor.values.ndim > 1


def _two_dimensional(tensor: Tensor) -> Array:
    values = tensor.values
    if values.ndim > 2:
        raise MalformedRequestError("A matrix must have two dimensions: rows and columns.")
    return values if values.ndim == 2 else values.reshape(-1, 1)


def _column(tensor: Tensor, position: int) -> Any:
    values = tensor.values
    if values.ndim == 0 or math.prod(values.shape[1:]) != 1:
        raise MalformedRequestError(
            f"inputs[{position}] is not a column of shape [rows] or [rows, 1]. Send one matrix,"
            " or a tensor for each column."
        )
    values = values.reshape(-1)
    return _objects(tensor, values) if tensor.datatype == BYTES else values


def _objects(tensor: Tensor, values: Array) -> Any:
    """A column of a ``BYTES`` tensor: text, also where all of it is missing; null is NaN."""
    import numpy as np

    cells = [np.nan if value is None else value for value in values.tolist()]
    if tensor.content_type != BASE64:
        return text_array(cells)
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    return found
