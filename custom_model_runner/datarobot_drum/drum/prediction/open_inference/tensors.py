"""Tensors of the Open Inference Protocol: their types, and both of their encodings.

https://github.com/open-inference/open-inference-protocol, with Triton's binary tensor data
extension: numbers little-endian, each text as its length in four bytes and its UTF-8.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from datarobot_drum.drum.exceptions import MalformedRequestError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

BYTES: Final = "BYTES"
# Kind and bytes per value, as numpy spells them.
NUMPY_TYPES: Final[Mapping[str, str]] = {
    "BOOL": "b1",
    "UINT8": "u1",
    "UINT16": "u2",
    "UINT32": "u4",
    "UINT64": "u8",
    "INT8": "i1",
    "INT16": "i2",
    "INT32": "i4",
    "INT64": "i8",
    "FP16": "f2",
    "FP32": "f4",
    "FP64": "f8",
}
# numpy's own limit is 64, or 32 in old versions.
MAX_DIMENSIONS: Final = 64
DATATYPES: Final = (*NUMPY_TYPES, BYTES)
_BY_NUMPY_TYPE: Final = {code: datatype for datatype, code in NUMPY_TYPES.items()}


class Tensor(NamedTuple):
    """A named array. ``values`` of ``BYTES`` are objects: str, bytes, or None for missing."""

    name: str
    datatype: str
    values: Array
    content_type: str | None = None


def _numpy_type(datatype: str) -> np.dtype[Any]:
    import numpy as np

    return np.dtype(f"<{NUMPY_TYPES[datatype]}")


def array_from_json(data: object, datatype: str, shape: tuple[int, ...], where: str) -> Array:
    """Read tensor data from parsed JSON: nested lists, or one flat list in row-major order.

    Args:
        where: how an error names the tensor.

    Raises:
        MalformedRequestError: values of another type or out of its range, or too few or too
            many of them.
    """
    import numpy as np

    if not isinstance(data, list):
        raise MalformedRequestError(f"{where}: data must be a list.")
    try:
        if datatype != BYTES:
            _refuse_texts(data)
        natural = np.array(data, dtype=object if datatype == BYTES else None)
        values = natural if datatype == BYTES else _cast(natural, datatype, data)
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedRequestError(f"{where}: the data is not {datatype}.") from error
    if datatype == BYTES and not all(v is None or isinstance(v, str) for v in values.flat):
        raise MalformedRequestError(f"{where}: the data of a BYTES tensor must be strings.")
    return _shaped(values, shape, where)


def _refuse_texts(data: list[Any], depth: int = 1) -> None:
    """Of texts among numbers numpy makes an array in which each cell is as long as the longest."""
    kinds = {*map(type, data)}
    if str in kinds:
        raise TypeError
    if list in kinds:
        if depth == MAX_DIMENSIONS:
            raise ValueError
        for inner in data:
            if isinstance(inner, list):
                _refuse_texts(inner, depth + 1)


def _cast(natural: Array, datatype: str, data: list[Any]) -> Array:
    """Convert without changing a value: no text to numbers, no fractions to integers."""
    import numpy as np

    target = _numpy_type(datatype)
    if not natural.size:
        return natural.astype(target)
    if target.kind == "f":
        # Missing values make the list one of objects.
        if natural.dtype.kind not in "biufO":
            raise TypeError
        with np.errstate(over="ignore"):
            return natural.astype(target)
    if target.kind == "u" and natural.dtype.kind == "f":
        natural = _whole(data)
    if natural.dtype.kind not in ("b" if target.kind == "b" else "biu"):
        raise TypeError
    if target.kind in "iu":
        limits = np.iinfo(target)
        if natural.min() < limits.min or natural.max() > limits.max:
            raise OverflowError
    return natural.astype(target)


def _whole(data: list[Any]) -> Array:
    """Whole numbers of which only some are too large to be signed: numpy rounds them to floats."""
    import numpy as np

    objects = np.array(data, dtype=object)
    if not all(type(value) is int for value in objects.flat):
        raise TypeError
    return objects.astype(np.uint64)


def array_from_bytes(
    data: bytes | memoryview, datatype: str, shape: tuple[int, ...], where: str
) -> Array:
    """Read tensor data of the binary extension.

    Raises:
        MalformedRequestError: its length does not fit the shape, or a text is not UTF-8.
    """
    import numpy as np

    if datatype == BYTES:
        return _shaped(_texts(data, where), shape, where)
    target = _numpy_type(datatype)
    if len(data) != math.prod(shape) * target.itemsize:
        raise MalformedRequestError(f"{where}: the size of the data does not fit its shape.")
    return _shaped(np.frombuffer(data, target), shape, where)


def _texts(data: bytes | memoryview, where: str) -> Array:
    import numpy as np

    texts: list[str] = []
    position = 0
    while position < len(data):
        start = position + 4
        if start > len(data):
            raise MalformedRequestError(f"{where}: the binary data is cut off.")
        (length,) = struct.unpack_from("<I", data, position)
        position = start + length
        if position > len(data):
            raise MalformedRequestError(f"{where}: the binary data is cut off.")
        try:
            texts.append(str(data[start:position], "utf-8"))
        except UnicodeDecodeError as error:
            raise MalformedRequestError(f"{where}: a text is not UTF-8.") from error
    return np.array(texts, dtype=object)


def _shaped(values: Array, shape: tuple[int, ...], where: str) -> Array:
    if values.size != math.prod(shape):
        raise MalformedRequestError(
            f"{where}: the shape asks for {math.prod(shape)} values, but there are {values.size}."
        )
    try:
        return values.reshape(shape)
    except ValueError as error:
        raise MalformedRequestError(f"{where}: the shape has too many dimensions.") from error


def tensor_of(name: str, values: Array) -> Tensor:
    """A one-dimensional array as a tensor: numbers keep their type, all else becomes text."""
    datatype = _BY_NUMPY_TYPE.get(f"{values.dtype.kind}{values.dtype.itemsize}")
    if datatype is not None:
        return Tensor(name, datatype, values)
    return Tensor(name, BYTES, _as_text(values), content_type="str")


def _as_text(values: Array) -> Array:
    import numpy as np
    import pandas as pd

    missing = pd.isna(values)
    texts = [None if lost else str(value) for value, lost in zip(values, missing, strict=True)]
    return np.array(texts, dtype=object)


def array_to_bytes(tensor: Tensor) -> bytes:
    """Encode tensor data for the binary extension; a missing text is an empty one."""
    if tensor.datatype != BYTES:
        return tensor.values.astype(_numpy_type(tensor.datatype), copy=False).tobytes()
    encoded = [(value or "").encode("utf-8", "replace") for value in tensor.values.flat]
    return b"".join(struct.pack("<I", len(text)) + text for text in encoded)
