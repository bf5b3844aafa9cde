"""Binary tensor data, by hand and with Triton's own client."""

from __future__ import annotations

import json
import struct
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.contract.clients import Answer, Calls, SocketClient
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Front, Serve, over_sockets
from tests.contract.open_inference.requests import CSV, ECHO_TYPES, ROWS, error_of, outputs


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
