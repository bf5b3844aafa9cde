"""The Open Inference Protocol over REST, by hand and with Triton's own client."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from datarobot_drum import __version__
from tests.contract.clients import Answer, Calls, SocketClient
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Front, Serve, over_sockets

ROWS = [[1.0, 2.0], [3.0, 0.5]]
CSV = "a,b\n1.0,2.0\n3.0,0.5\n"


def matrix(rows: list[list[float]] = ROWS, **more: Any) -> dict[str, Any]:
    shape = [len(rows), len(rows[0])]
    return {"name": "input", "shape": shape, "datatype": "FP64", "data": rows, **more}


def columns(datatype: str = "FP64", **data: list[Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [len(values)], "datatype": datatype, "data": values}
        for name, values in data.items()
    ]


def infer(client: Calls, model: str, *inputs: Any, **more: Any) -> Answer:
    body = json.dumps({"inputs": list(inputs), **more})
    return client.post(f"/v2/models/{model}/infer", body, "application/json")


def outputs(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def error_of(answer: Answer) -> tuple[int, str]:
    (key,) = answer.json()
    assert key == "error"
    return answer.status, answer.json()["error"]


@pytest.fixture
def regression(serve: Serve, folders: Folders) -> Calls:
    return serve(folders.regression)


# -- about the server and the model


@pytest.mark.parametrize("slash", ["", "/"])
def test_server_metadata_and_health(regression: Calls, slash: str) -> None:
    assert regression.get(f"/v2{slash}").json() == {
        "name": "datarobot_drum",
        "version": __version__,
        "extensions": ["binary_tensor_data"],
    }
    assert regression.get(f"/v2/health/live{slash}").json() == {"live": True}
    assert regression.get(f"/v2/health/ready{slash}").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/models/regression", "/v2/models/regression/versions/1/"])
def test_model_metadata(regression: Calls, path: str) -> None:
    assert regression.get(path).json() == {
        "name": "regression",
        "versions": ["1"],
        "platform": "datarobot_drum_python",
        "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}],
        "outputs": [{"name": "Predictions", "datatype": "FP64", "shape": [-1]}],
    }
    assert regression.get(f"{path.rstrip('/')}/ready").json() == {
        "name": "regression",
        "ready": True,
    }


def test_model_is_called_what_its_metadata_says(serve: Serve, folders: Folders) -> None:
    source = "def score(data, model, **kwargs):\n    return data[['a']]\n"
    files: dict[str, str | bytes] = {
        "custom.py": source + "def load_model(code_dir):\n    return 1\n",
        "model-metadata.yaml": "name: my model\ntargetType: regression\ntype: inference\n",
    }
    client = serve(folders.make("named", files))
    assert client.get("/v2/models/my%20model").json()["name"] == "my model"
    assert outputs(infer(client, "my%20model", *columns(a=[1, 2]))) == {"Predictions": [1.0, 2.0]}
    assert client.get("/v2/models/named").status == 404


@pytest.mark.parametrize("path", ["/v2/models/other", "/v2/models/regression/versions/2/ready"])
def test_unknown_model(regression: Calls, path: str) -> None:
    status, text = error_of(regression.get(path))
    assert status == 404
    assert "There is no such" in text


def test_wrong_method(regression: Calls) -> None:
    answer = regression.get("/v2/models/regression/infer")
    assert answer.status == 405
    assert answer.headers["Allow"] == "OPTIONS, POST"


# -- inputs: the same predictions as from the same rows in CSV


@pytest.mark.parametrize(
    "inputs",
    [
        [matrix()],
        [matrix(data=[1.0, 2.0, 3.0, 0.5])],
        [matrix(datatype="FP32")],
        [matrix(parameters={"content_type": "np"})],
        columns(a=[1.0, 3.0], b=[2.0, 0.5]),
        columns("FP32", a=[1, 3], b=[2, 0.5]),
        [{**column, "shape": [2, 1]} for column in columns(a=[1.0, 3.0], b=[2.0, 0.5])],
    ],
)
def test_inputs(regression: Calls, inputs: list[Any]) -> None:
    expected = regression.predict(CSV).predictions
    found = outputs(infer(regression, "regression", *inputs))
    assert found == {"Predictions": expected}


def test_classes_are_an_output_each(serve: Serve, folders: Folders) -> None:
    client = serve(folders.multiclass)
    expected = client.predict(CSV).predictions
    found = outputs(infer(client, "multiclass", matrix()))
    assert list(found) == list(expected[0])
    assert found == {label: [row[label] for row in expected] for label in expected[0]}


def test_requested_outputs_in_their_order(serve: Serve, folders: Folders) -> None:
    client = serve(folders.multiclass)
    wanted = [{"name": "mid"}, {"name": "top"}]
    answer = infer(client, "multiclass", matrix(), outputs=wanted)
    assert list(outputs(answer)) == ["mid", "top"]
    status, text = error_of(infer(client, "multiclass", matrix(), outputs=[{"name": "x"}]))
    assert status == 400
    assert text == "outputs[0]: there is no such output; there are: low, mid, top."


def test_id_and_content_type_come_back(regression: Calls) -> None:
    answer = infer(
        regression,
        "regression",
        *columns(a=[1.0], b=[2.0]),
        id="my-id",
        parameters={"content_type": "pd"},
    ).json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == (
        "my-id",
        "regression",
        "1",
    )
    assert answer["parameters"] == {"content_type": "pd"}
    (output,) = answer["outputs"]
    assert (output["datatype"], output["shape"]) == ("FP64", [1])
    assert "id" not in infer(regression, "regression", matrix()).json()


ECHO_TYPES = """
import pandas as pd

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    shown = {f"{name}:type": [type(v).__name__ for v in data[name]] for name in data}
    return pd.DataFrame({"Predictions": range(len(data)), **data, **shown})
"""


@pytest.fixture
def echo(serve: Serve, folders: Folders) -> Calls:
    return serve(folders.make("echo_types", {"custom.py": ECHO_TYPES}).of_type("regression"))


@pytest.mark.parametrize(
    ("datatype", "data", "expected", "kind"),
    [
        ("BOOL", [True, False], [True, False], "bool"),
        ("INT8", [-128, 127], [-128, 127], "int"),
        ("UINT64", [0, 2**64 - 1], [0, 2**64 - 1], "int"),
        ("INT64", [-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1], "int"),
        ("FP32", [0.5, None], [0.5, None], "float"),
        ("FP64", [0.1, 1e300], [0.1, 1e300], "float"),
        ("FP64", [1, 2], [1.0, 2.0], "float"),
        ("BYTES", ["grün", "a,b\n"], ["grün", "a,b\n"], "str"),
    ],
)
def test_values_of_each_type(
    echo: Calls, datatype: str, data: list[Any], expected: list[Any], kind: str
) -> None:
    found = outputs(infer(echo, "echo_types", *columns(datatype, x=data)))
    assert found["x"] == expected
    assert found["x:type"] == [kind, kind]


def test_a_frame_as_mlservers_client_sends_it(echo: Calls) -> None:
    """What MLServer 1.7 makes of a frame with a missing number."""
    inputs = [
        {"name": "a", "shape": [2, 1], "datatype": "INT64", "parameters": None, "data": [1, 2]},
        {"name": "b", "shape": [2, 1], "datatype": "FP64", "parameters": None, "data": [1.5, None]},
        {
            "name": "s",
            "shape": [2, 1],
            "datatype": "BYTES",
            "parameters": {"content_type": "str"},
            "data": ["x", "é"],
        },
    ]
    answer = infer(echo, "echo_types", *inputs, parameters={"content_type": "pd"})
    assert answer.json()["parameters"] == {"content_type": "pd"}
    found = outputs(answer)
    assert [found[name] for name in "abs"] == [[1, 2], [1.5, None], ["x", "é"]]


def test_missing_texts(echo: Calls) -> None:
    found = outputs(infer(echo, "echo_types", *columns("BYTES", x=["a", None])))
    assert found["x"] == ["a", None]


def test_base64(echo: Calls) -> None:
    (column,) = columns("BYTES", x=[base64.b64encode(b"\xff\x00").decode()])
    column["parameters"] = {"content_type": "base64"}
    assert outputs(infer(echo, "echo_types", column))["x:type"] == ["bytes"]


def test_columns_of_several_types(echo: Calls) -> None:
    inputs = columns("BYTES", s=["a", "b"]) + columns("INT32", n=[1, 2])
    found = outputs(infer(echo, "echo_types", *inputs))
    assert (found["s"], found["n"], found["Predictions"]) == (["a", "b"], [1, 2], [0, 1])


def test_text_generation(serve: Serve, folders: Folders) -> None:
    source = (
        "import pandas as pd\n"
        "def load_model(code_dir):\n    return 1\n"
        "def score(data, model, **kwargs):\n    return data[['prompt']] + '!'\n"
    )
    folder = folders.make("prompts", {"custom.py": source}).of_type("textgeneration")
    client = serve(folder.with_env(TARGET_NAME="answer"))
    answer = infer(client, "prompts", *columns("BYTES", prompt=["hä", "ho"]))
    assert outputs(answer) == {"Predictions": ["hä!", "ho!"]}
    assert answer.json()["outputs"][0]["datatype"] == "BYTES"


# -- what cannot be served


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


def test_model_failure(regression: Calls) -> None:
    rows = columns(a=[None], b=[1.0])
    status, text = error_of(infer(regression, "regression", *rows))
    assert status == 500
    assert "Failure when making predictions" in text


def test_rows_without_the_models_columns(regression: Calls) -> None:
    status, text = error_of(infer(regression, "regression", *columns(z=[1.0], a=[1.0])))
    assert status == 422
    assert "column 'b' of the model is missing; column 'z' not known to the model" in text


# -- the binary extension


def binary(client: Calls, header: dict[str, Any], data: bytes, length: str | None = None) -> Answer:
    head = json.dumps(header).encode()
    return client.call(
        "POST",
        "/v2/models/echo_types/infer",
        body=head + data,
        headers={
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)) if length is None else length,
        },
    )


def sized(datatype: str, size: int, rows: int = 2) -> dict[str, Any]:
    return {
        "name": "x",
        "shape": [rows],
        "datatype": datatype,
        "parameters": {"binary_data_size": size},
    }


def test_binary_input_and_output(echo: Calls) -> None:
    header = {"inputs": [sized("INT16", 4)], "outputs": [{"name": "x"}]}
    data = struct.pack("<2h", -1, 300)
    assert outputs(binary(echo, header, data)) == {"x": [-1, 300]}
    header["outputs"][0]["parameters"] = {"binary_data": True}
    answer = binary(echo, header, data)
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output["parameters"]["binary_data_size"] == 4
    assert "data" not in output
    assert answer.body[length:] == data


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        ({"inputs": [sized("INT16", 4)]}, b"\0\0", None),
        ({"inputs": [sized("INT16", 2)]}, b"\0\0", None),
        ({"inputs": [sized("INT16", 4)]}, b"\0\0\0\0\0", None),
        ({"inputs": [sized("BYTES", 5)]}, b"\5\0\0\0a", None),
        ({"inputs": [sized("BYTES", 2)]}, b"\5\0", None),
        ({"inputs": [sized("BYTES", 5, rows=1)]}, b"\1\0\0\0\xff", None),
        ({"inputs": [sized("INT16", 4)]}, b"\0\0\0\0", "10000"),
        ({"inputs": [sized("INT16", 4)]}, b"\0\0\0\0", "9" * 5000),
    ],
)
def test_malformed_binary_data(
    echo: Calls, header: dict[str, Any], data: bytes, length: str | None
) -> None:
    assert error_of(binary(echo, header, data, length))[0] == 400


# -- a published client


@pytest.fixture
def triton(front: Front, folders: Folders) -> Any:
    client = pytest.importorskip("tritonclient.http")

    def connect(folder: Folder) -> Any:
        served = front.serve(folder)
        assert isinstance(served, SocketClient)
        return client.InferenceServerClient(urlsplit(served.url).netloc)

    return connect


@over_sockets
@pytest.mark.parametrize("as_binary", [True, False])
def test_triton_client(triton: Any, serve: Serve, folders: Folders, as_binary: bool) -> None:
    from tritonclient.http import InferInput, InferRequestedOutput

    client = triton(folders.multiclass)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("multiclass")
    assert client.get_server_metadata()["name"] == "datarobot_drum"
    metadata = client.get_model_metadata("multiclass", "1")
    names = [output["name"] for output in metadata["outputs"]]
    tensor = InferInput("input", [2, 2], "FP64")
    tensor.set_data_from_numpy(np.array(ROWS), binary_data=as_binary)
    wanted = [InferRequestedOutput(name, binary_data=as_binary) for name in names]
    result = client.infer("multiclass", [tensor], outputs=wanted, request_id="7")
    expected = serve(folders.multiclass).predict(CSV).predictions
    assert result.get_response()["id"] == "7"
    for name in names:
        assert result.as_numpy(name).tolist() == [row[name] for row in expected]
    client.close()


@over_sockets
def test_triton_client_sends_text(triton: Any, folders: Folders) -> None:
    from tritonclient.http import InferInput

    folder = folders.make("echo_types", {"custom.py": ECHO_TYPES}).of_type("regression")
    client = triton(folder)
    tensor = InferInput("s", [2, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([["grün"], ["b"]], dtype=object))
    result = client.infer("echo_types", [tensor])
    assert [text.decode() for text in result.as_numpy("s")] == ["grün", "b"]
    assert result.as_numpy("Predictions").tolist() == [0.0, 1.0]
    client.close()


@over_sockets
def test_triton_client_reads_errors(triton: Any, folders: Folders) -> None:
    from tritonclient.http import InferInput
    from tritonclient.utils import InferenceServerException

    client = triton(folders.regression)
    tensor = InferInput("input", [1, 2], "FP64")
    tensor.set_data_from_numpy(np.array([[1.0, 2.0]]))
    with pytest.raises(InferenceServerException, match="There is no such model here"):
        client.infer("other", [tensor])
    client.close()


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
