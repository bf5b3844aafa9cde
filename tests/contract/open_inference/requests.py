"""Requests of the Open Inference Protocol, and what is read from the answers."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.clients import Answer, Calls

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


ECHO_TYPES = """
import pandas as pd

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    shown = {f"{name}:type": [type(v).__name__ for v in data[name]] for name in data}
    return pd.DataFrame({"Predictions": range(len(data)), **data, **shown})
"""
