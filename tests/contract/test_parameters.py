"""Runtime parameters, metadata and the environment as a served model sees them."""

from __future__ import annotations

import time

import pytest

from tests.contract.clients import SocketClient
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import SERVERS, Serve

METADATA = """
name: shown
type: inference
targetType: regression
runtimeParameterDefinitions:
  - fieldName: WITH_DEFAULT
    type: string
    defaultValue: from the metadata
  - fieldName: OVERRIDDEN
    type: numeric
    defaultValue: 1
  - fieldName: UNSET
    type: boolean
"""

# The rows name the parameters to look up.
HOOKS = """
import pandas as pd
from datarobot_drum import RuntimeParameters


def load_model(code_dir):
    return 1


def score(data, model, **kwargs):
    shown = [repr(look_up(name)) for name in data["name"]]
    print("looked up", *data["name"])
    return pd.DataFrame({"Predictions": 0.0, "value": shown})


def look_up(name):
    if name.endswith("?"):
        return RuntimeParameters.get(name[:-1], "the default")
    return RuntimeParameters.get(name)
"""


@pytest.fixture(scope="session")
def folder(folders: Folders) -> Folder:
    made = folders.make("parameters", {"custom.py": HOOKS, "model-metadata.yaml": METADATA})
    return made.with_env(
        MLOPS_RUNTIME_PARAM_OVERRIDDEN='{"type": "numeric", "payload": 2.5}',
        MLOPS_RUNTIME_PARAM_PLAIN="just text",
        MLOPS_RUNTIME_PARAM_KEY='{"type":"credential","payload":'
        '{"credentialType":"basic","user":"u"}}',
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WITH_DEFAULT", "'from the metadata'"),
        ("OVERRIDDEN", "2.5"),
        ("UNSET", "None"),
        ("PLAIN", "'just text'"),
        ("KEY", "{'credentialType': 'basic', 'user': 'u'}"),
        ("NOWHERE?", "'the default'"),
        ("OVERRIDDEN?", "2.5"),
    ],
)
def test_decision_19_what_a_hook_gets(serve: Serve, folder: Folder, name: str, value: str) -> None:
    answer = serve(folder).predict(f"name\n{name}\n")
    assert answer.status == 200, answer.body
    assert answer.json()["extraModelOutput"]["data"] == [[value]]


def test_parameter_that_is_not_set(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).predict("name\nNOWHERE\n")
    assert answer.status == 500
    assert "Runtime parameter 'NOWHERE' does not exist!" in answer.message


def test_target_type_and_info_from_the_metadata(serve: Serve, folder: Folder) -> None:
    info = serve(folder).get("/info/").json()
    assert info["targetType"] == "regression"
    metadata = info["modelMetadata"]
    assert (metadata["name"], metadata["type"]) == ("shown", "inference")


def test_labels_from_the_metadata(serve: Serve, folders: Folders) -> None:
    metadata = (
        "name: n\ntype: inference\ntargetType: binary\n"
        "inferenceModel:\n  positiveClassLabel: yes\n  negativeClassLabel: no\n"
    )
    source = "def load_model(d):\n    return 1\n\n\ndef score(data, model, **k):\n    return data\n"
    files: dict[str, str | bytes] = {"custom.py": source, "model-metadata.yaml": metadata}
    client = serve(folders.make("metadata_labels", files))
    assert client.predict("yes,no\n0.75,0.25\n").predictions == [{"yes": 0.75, "no": 0.25}]
    # Decision 18: a label is text as it was written.
    assert client.get("/info/").json()["positiveClassLabel"] == "yes"


@pytest.mark.parametrize("front", SERVERS, indirect=True, scope="module")
@pytest.mark.servers
def test_what_hooks_print_appears_on_stdout(serve: Serve, folder: Folder) -> None:
    client = serve(folder)
    assert isinstance(client, SocketClient)
    client.predict("name\nPLAIN\n")
    deadline = time.monotonic() + 30
    while "looked up PLAIN" not in client.stdout():
        assert time.monotonic() < deadline
        time.sleep(0.1)
