"""What the Open Inference Protocol cannot serve, and how that is said."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.contract.clients import Calls
from tests.contract.folders import Folders
from tests.contract.fronts import Serve
from tests.contract.open_inference.requests import columns, error_of, infer, matrix

GOOD = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "The request is not JSON."),
        (b"", "The request is not JSON."),
        (b"[]", "The request must be a JSON object."),
        ({}, "inputs must be a list with at least one tensor."),
        ({"inputs": []}, "inputs must be a list with at least one tensor."),
        ({"inputs": [3]}, "inputs[0] must be an object with a name."),
        ({"inputs": [GOOD], "id": 3}, "id must be a string."),
        ({"inputs": [GOOD], "parameters": 3}, "the request: parameters must be an object."),
        ({"inputs": [GOOD], "outputs": 3}, "outputs must be a list."),
        ({"inputs": [GOOD], "outputs": [3]}, "outputs[0] must be an object with a name."),
        (
            {"inputs": [GOOD | {"shape": 1}]},
            "inputs[0]: shape must be a list of whole numbers above 0.",
        ),
        (
            {"inputs": [GOOD | {"shape": [0, 10**30], "data": []}]},
            "inputs[0]: shape must be a list of whole numbers above 0.",
        ),
        (
            {"inputs": [GOOD | {"shape": [1] * 100}]},
            "inputs[0]: the shape has too many dimensions.",
        ),
        ({"inputs": [GOOD, GOOD]}, "Two inputs have the same name."),
        (
            {"inputs": [GOOD | {"shape": [-1]}]},
            "inputs[0]: shape must be a list of whole numbers above 0.",
        ),
        (
            {"inputs": [GOOD | {"shape": [3]}]},
            "inputs[0]: the shape asks for 3 values, but there are 1.",
        ),
        ({"inputs": [GOOD | {"data": 1}]}, "inputs[0]: data must be a list."),
        ({"inputs": [GOOD | {"data": ["1"]}]}, "inputs[0]: the data is not FP64."),
        ({"inputs": [GOOD | {"data": [[1], [1, 2]]}]}, "inputs[0]: the data is not FP64."),
        (
            {"inputs": [GOOD | {"datatype": "INT8", "data": [128]}]},
            "inputs[0]: the data is not INT8.",
        ),
        (
            {"inputs": [GOOD | {"datatype": "INT64", "data": [1.5]}]},
            "inputs[0]: the data is not INT64.",
        ),
        (
            {"inputs": [GOOD | {"datatype": "BOOL", "data": [2]}]},
            "inputs[0]: the data is not BOOL.",
        ),
        (
            {"inputs": [GOOD | {"datatype": "BYTES"}]},
            "inputs[0]: the data of a BYTES tensor must be strings.",
        ),
        (
            {"inputs": [GOOD | {"shape": [1, 1, 1], "data": [[[1]]]}]},
            "A matrix must have two dimensions: rows and columns.",
        ),
        (
            {"inputs": [GOOD, GOOD | {"name": "y", "shape": [2], "data": [1, 2]}]},
            "All inputs must have the same number of rows.",
        ),
        (
            {"inputs": [GOOD | {"parameters": {"binary_data_size": 8}}]},
            "inputs[0]: binary_data_size does not fit the body.",
        ),
    ],
)
def test_malformed_requests(echo: Calls, body: Any, text: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = echo.post("/v2/models/echo_types/infer", raw, "application/json")
    assert error_of(answer) == (400, text)


def test_unknown_datatype(echo: Calls) -> None:
    status, text = error_of(infer(echo, "echo_types", GOOD | {"datatype": "FLOAT"}))
    assert status == 400
    assert text.startswith("inputs[0]: datatype must be one of BOOL, UINT8")


def test_decision_04_a_compressed_request_is_refused_by_name(regression: Calls) -> None:
    body = gzip.compress(json.dumps({"inputs": [matrix()]}).encode())
    headers = {"Content-Encoding": "gzip"}
    answer = regression.post("/v2/models/regression/infer", body, "application/json", headers)
    status, error = error_of(answer)
    assert status == 415
    assert error.startswith("The body is compressed (header Content-Encoding)")


def test_a_value_that_the_model_does_not_take(regression: Calls) -> None:
    rows = columns(a=[None], b=[1.0])
    status, text = error_of(infer(regression, "regression", *rows))
    assert status == 422
    assert "Values are missing in column 'a', the first in row 1" in text


def test_rows_without_the_models_columns(regression: Calls) -> None:
    status, text = error_of(infer(regression, "regression", *columns(z=[1.0], a=[1.0])))
    assert status == 422
    assert "column 'b' of the model is missing; column 'z' not known to the model" in text


# -- a model that could not be loaded


def test_error_server(serve: Serve, folders: Folders) -> None:
    folder = folders.make("broken", {"custom.py": "import nothing_of_this_name\n"})
    client = serve(folder.of_type("regression").with_args("--with-error-server"))
    assert client.get("/v2/health/live").json() == {"live": True}
    ready = client.get("/v2/health/ready")
    assert (ready.status, ready.json()) == (503, {"ready": False})
    status, text = error_of(infer(client, "broken", matrix()))
    assert status == 513
    assert "nothing_of_this_name" in text
