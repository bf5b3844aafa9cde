"""The Open Inference Protocol over REST."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from datarobot_drum import __version__
from tests.contract.clients import Calls
from tests.contract.folders import Folders
from tests.contract.fronts import Serve
from tests.contract.open_inference.requests import CSV, columns, error_of, infer, matrix, outputs


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
