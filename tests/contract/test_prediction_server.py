"""``--deployment-config``: answers in the prediction server's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.clients import Answer
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, in_process

LABELS = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "multilabel": ["a", "b", "c"]}


def configured(folders: Folders, target_type: str, threshold: float = 0.5) -> Folder:
    """The echo behind a deployment's configuration; the mapping is written out of order."""
    mapping = [[label, index] for index, label in enumerate(LABELS.get(target_type, []))]
    target = {
        "class_mapping": mapping[::-1] or None,
        "name": "the target",
        "prediction_threshold": threshold,
        "type": target_type.capitalize(),
    }
    name = f"config_{target_type}_{threshold}"
    folder = folders.make(name, {"config.json": json.dumps({"target": target})})
    config = str(folder.path / "config.json")
    return folders.echo_of(target_type).with_args("--deployment-config", config)


def data(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    (key,) = answer.json()
    assert key == "data"
    found: list[dict[str, Any]] = answer.json()["data"]
    # The text of json.dumps, byte for byte.
    assert json.dumps(answer.json()).encode() == answer.body.rstrip(b"\n")
    return found


def test_regression(serve: Serve, folders: Folders) -> None:
    answer = serve(configured(folders, "regression")).predict("out:v\n1.8128163742270704\n3\n")
    assert data(answer) == [
        {
            "prediction": value,
            "predictionValues": [{"label": "the target", "value": value}],
            "rowId": row,
        }
        for row, value in enumerate([1.8128163742270704, 3.0])
    ]
    assert b"3.0" in answer.body


def test_anomaly(serve: Serve, folders: Folders) -> None:
    answer = serve(configured(folders, "anomaly")).predict("out:v\n0.25\n")
    assert data(answer) == [
        {
            "prediction": 0.25,
            "predictionValues": [{"label": "Anomaly Score", "value": 0.25}],
            "rowId": 0,
        }
    ]


@in_process
@pytest.mark.parametrize(
    "target_type", ["textgeneration", "vectordatabase", "agenticworkflow", "geopoint"]
)
def test_text_types(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = serve(configured(folders, target_type)).predict("out:v\nhello\n")
    assert data(answer) == [
        {
            "prediction": "hello",
            "predictionValues": [{"label": "the target", "value": "hello"}],
            "rowId": 0,
        }
    ]


@pytest.mark.parametrize(
    ("threshold", "chosen"), [(0.5, ["yes", "no", "no"]), (0.25, ["yes", "yes", "no"])]
)
def test_binary(serve: Serve, folders: Folders, threshold: float, chosen: list[str]) -> None:
    rows = "out:no,out:yes\n0.25,0.75\n0.5,0.5\n0.75,0.25\n"
    found = data(serve(configured(folders, "binary", threshold)).predict(rows))
    assert [record["prediction"] for record in found] == chosen
    assert found[0] == {
        "prediction": "yes",
        "predictionThreshold": threshold,
        "predictionValues": [{"label": "yes", "value": 0.75}, {"label": "no", "value": 0.25}],
        "rowId": 0,
    }


def test_multiclass(serve: Serve, folders: Folders) -> None:
    rows = "out:c,out:b,out:a\n0.5,0.25,0.25\n0.25,0.375,0.375\n"
    found = data(serve(configured(folders, "multiclass")).predict(rows))
    assert found[0] == {
        "prediction": "c",
        "predictionValues": [
            {"label": "a", "value": 0.25},
            {"label": "b", "value": 0.25},
            {"label": "c", "value": 0.5},
        ],
        "rowId": 0,
    }
    # Equal values: the first of the mapping.
    assert found[1]["prediction"] == "a"


def test_multilabel(serve: Serve, folders: Folders) -> None:
    rows = "out:c,out:b,out:a\n0.75,0.5,0.625\n0,0,0\n"
    found = data(serve(configured(folders, "multilabel")).predict(rows))
    assert found[0] == {
        "prediction": ["a", "c"],
        "predictionThreshold": 0.5,
        "predictionValues": [
            {"label": "a", "value": 0.625},
            {"label": "b", "value": 0.5},
            {"label": "c", "value": 0.75},
        ],
        "rowId": 0,
    }
    assert found[1]["prediction"] == []


def test_extra_output(serve: Serve, folders: Folders) -> None:
    rows = "out:Predictions,out:why,out:n\n1,so,2\n2,,3\n"
    found = data(serve(configured(folders, "regression")).predict(rows))
    assert found[0]["extraModelOutput"] == {"why": "so", "n": 2}
    assert found[1]["extraModelOutput"] == {"why": None, "n": 3}


def test_decision_02_no_number_is_null(serve: Serve, folders: Folders) -> None:
    answer = serve(configured(folders, "regression")).predict("out:v\ninf\nNaN\n1\n")
    assert [record["prediction"] for record in data(answer)] == [None, None, 1.0]
    assert b"NaN" not in answer.body
    assert b"Infinity" not in answer.body


def test_decision_03_row_counts(serve: Serve, folders: Folders) -> None:
    rows = "out:v,do\n1,score:fewer\n2,\n"
    answer = serve(configured(folders, "regression")).predict(rows)
    assert answer.status == 500
    assert "Your predictions must have one row for each input row." in answer.message


def test_no_rows(serve: Serve, folders: Folders) -> None:
    assert serve(configured(folders, "regression")).post("/predict/").status == 422
