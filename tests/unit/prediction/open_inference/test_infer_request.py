"""Whatever a client sends is read, or refused as malformed; and both encodings agree."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from datarobot_drum.drum.exceptions import MalformedRequestError
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.open_inference.infer_request import frame_of, read_infer_request
from datarobot_drum.drum.prediction.open_inference.tensors import (
    BYTES,
    DATATYPES,
    NUMPY_TYPES,
    Tensor,
    array_from_bytes,
    array_from_json,
    array_to_bytes,
    tensor_of,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return usual | anything


parameters = mostly(
    st.fixed_dictionaries(
        {},
        optional={
            "content_type": mostly(st.sampled_from(["pd", "np", "str", "base64"])),
            "binary_data_size": mostly(st.integers(0, 20)),
        },
    )
)
tensors = mostly(
    st.fixed_dictionaries(
        {
            "name": mostly(st.sampled_from("ab")),
            "shape": mostly(st.lists(st.integers(1, 3), min_size=1, max_size=3)),
            "datatype": mostly(st.sampled_from(DATATYPES)),
        },
        optional={"data": mostly(st.lists(scalars, max_size=6)), "parameters": parameters},
    )
)
requests = mostly(
    st.fixed_dictionaries(
        {"inputs": mostly(st.lists(tensors, min_size=1, max_size=3))},
        optional={"id": anything, "parameters": parameters, "outputs": anything},
    )
)


@settings(max_examples=400)
@given(requests, st.binary(max_size=20), st.none() | st.integers(-3, 30))
def test_any_request_is_read_or_refused(content: Any, binary: bytes, shift: int | None) -> None:
    header = json.dumps(content).encode()
    headers = {} if shift is None else {"inference-header-content-length": str(len(header) + shift)}
    request = PredictRequest(header + (b"" if shift is None else binary), headers=headers)
    with contextlib.suppress(MalformedRequestError):
        assert len(frame_of(read_infer_request(request), ("a",)).columns)


def arrays() -> st.SearchStrategy[Tensor]:
    def of(datatype: str) -> st.SearchStrategy[Tensor]:
        if datatype == BYTES:
            texts = st.lists(st.text(), min_size=1, max_size=5)
            return texts.map(lambda found: Tensor("x", BYTES, np.array(found, dtype=object)))
        dtype = np.dtype(NUMPY_TYPES[datatype])
        if dtype.kind == "f":
            elements: st.SearchStrategy[Any] = st.floats(width=dtype.itemsize * 8)  # type: ignore[arg-type]
        elif dtype.kind == "b":
            elements = st.booleans()
        else:
            limits = np.iinfo(dtype)
            elements = st.integers(int(limits.min), int(limits.max))
        found = st.lists(elements, min_size=1, max_size=5)
        return found.map(lambda values: Tensor("x", datatype, np.array(values, dtype=dtype)))

    return st.sampled_from(DATATYPES).flatmap(of)


@given(arrays())
def test_binary_data_reads_back(tensor: Tensor) -> None:
    shape = tensor.values.shape
    back = array_from_bytes(array_to_bytes(tensor), tensor.datatype, shape, "x")
    np.testing.assert_array_equal(back, tensor.values)
    assert tensor_of("x", back).datatype == tensor.datatype


@given(arrays())
def test_json_data_reads_back(tensor: Tensor) -> None:
    # JSON has no infinities, and its null is our NaN.
    values = [
        None if isinstance(value, float) and not np.isfinite(value) else value
        for value in tensor.values.tolist()
    ]
    back = array_from_json(values, tensor.datatype, tensor.values.shape, "x")
    assert back.dtype == tensor.values.dtype
    expected = [np.nan if value is None else value for value in values]
    np.testing.assert_array_equal(back, np.array(expected, dtype=tensor.values.dtype))
