"""Models that a framework reader calls: what their ``predict`` may return, and custom tasks."""

from __future__ import annotations

import pytest

from tests.contract.folders import YES_NO, Folder, Folders
from tests.contract.fronts import Serve, in_process

# The first cell of the column `kind` says what comes back.
ESTIMATOR = """
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class Model(BaseEstimator):
    def predict(self, X):
        rows, kind = len(X), X["kind"].iloc[0]
        if kind == "raise":
            raise ValueError("no luck")
        if kind == "exit":
            raise SystemExit(1)
        return {
            "flat": np.arange(rows) + 0.5,
            "column": np.arange(rows)[:, None],
            "bools": np.arange(rows) > 0,
            "texts": np.array(["1.5"] * rows),
            "words": np.array(["word"] * rows),
            "objects": np.array([1, None], dtype=object),
            "float32": np.full(rows, 0.1, dtype="float32"),
            "list": [1.0] * rows,
            "series": pd.Series([1.0] * rows),
            "text": "one",
            "frame": pd.DataFrame({"x": [1.0] * rows}),
            "cube": np.zeros((rows, 1, 1)),
            "wide": np.zeros((rows, 2)),
            "short": np.zeros(rows - 1),
        }[kind]

    def predict_proba(self, X):
        rows = len(X)
        return {
            "one": np.full((rows, 1), 0.75),
            "flat": np.full(rows, 0.75),
            "two": np.tile([0.25, 0.75], (rows, 1)),
            "three": np.full((rows, 3), 1 / 3),
            "short": np.tile([0.25, 0.75], (rows - 1, 1)),
        }[X["kind"].iloc[0]]


def load_model(code_dir):
    return Model()
"""

TASK = """
import pandas as pd
from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface


class CustomTask(RegressionEstimatorInterface):
    def fit(self, X, y, row_weights=None, **kwargs):
        pass

    @classmethod
    def load(cls, artifact_directory):
        return cls()

    def predict(self, X, **kwargs):
        return pd.DataFrame({"Predictions": X["a"] * 2})


def score(data, model, **kwargs):
    raise AssertionError("hooks are not used beside a CustomTask")
"""


@pytest.fixture(scope="session")
def estimator(folders: Folders) -> Folder:
    return folders.make("estimator", {"custom.py": ESTIMATOR})


@pytest.mark.parametrize(
    ("kind", "predictions"),
    [
        ("flat", [0.5, 1.5]),
        ("column", [0.0, 1.0]),
        ("bools", [0.0, 1.0]),
        ("texts", [1.5, 1.5]),
        ("objects", [1.0, None]),
        ("float32", [0.10000000149011612] * 2),
        ("list", [1.0, 1.0]),
        ("series", [1.0, 1.0]),
        ("frame", [1.0, 1.0]),
    ],
)
def test_what_predict_may_return(
    serve: Serve, estimator: Folder, kind: str, predictions: list[float]
) -> None:
    answer = serve(estimator.of_type("regression")).predict(f"kind\n{kind}\n{kind}\n")
    assert answer.predictions == predictions


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("raise", "Failure when making predictions. Exception: ValueError('no luck')"),
        (
            "wide",
            "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
            "only 1 column. Your predictions have 2 columns: the model predicts 2 values for each "
            "row (the shape is (2, 2)), and target type 'regression' publishes one. Serve a model "
            "of one value, or choose one in a score hook.",
        ),
        (
            "cube",
            "predictions must return a 2 dimensional array, but we received a 3 dimensional array",
        ),
        ("text", "predictions must return a np array, but received <class 'str'>"),
        (
            "short",
            "Your predictions must have one row for each input row. Expected 2 rows, "
            "but received 1",
        ),
        ("words", "could not convert string to float: 'word'"),
    ],
)
def test_what_predict_may_not_do(serve: Serve, estimator: Folder, kind: str, text: str) -> None:
    answer = serve(estimator.of_type("regression")).predict(f"kind\n{kind}\n{kind}\n")
    assert (answer.status, answer.message) == (500, f"ERROR: {text}")


def test_sys_exit_in_a_model(serve: Serve, estimator: Folder) -> None:
    client = serve(estimator.of_type("regression"))
    assert client.predict("kind\nexit\n").status == 500
    assert client.predict("kind\nflat\n").predictions == [0.5]


@pytest.mark.parametrize("kind", ["one", "flat", "two"])
def test_decision_01_probabilities_of_two_classes(
    serve: Serve, estimator: Folder, kind: str
) -> None:
    answer = serve(estimator.of_type("binary", *YES_NO)).predict(f"kind\n{kind}\n")
    assert answer.predictions == [{"no": 0.25, "yes": 0.75}]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "three",
            "Your predictions must return the probability distribution for the correct number of "
            "class labels. Expected 2 columns, but received 3",
        ),
        (
            "short",
            "Your predictions must have one row for each input row. Expected 2 rows, "
            "but received 1",
        ),
    ],
)
def test_wrong_probabilities(serve: Serve, estimator: Folder, kind: str, text: str) -> None:
    answer = serve(estimator.of_type("binary", *YES_NO)).predict(f"kind\n{kind}\n{kind}\n")
    assert (answer.status, answer.message) == (500, f"ERROR: {text}")


@in_process
def test_decision_16_joblib_loads_like_pickle(serve: Serve, folders: Folders) -> None:
    import pickle

    content = pickle.dumps(folders.regression.model)
    folder = folders.make("joblib", {"MODEL.joblib": content, "sub/other.pkl": b"not looked at"})
    client = serve(folder.of_type("regression"))
    assert client.predict("a,b\n1,2\n").status == 200
    assert client.get("/info/").json()["predictor"] == "scikit-learn"


@in_process
def test_decision_16_custom_py_beside_a_resource(serve: Serve, folders: Folders) -> None:
    source = "def load_model(d):\n    return 1\n\n\ndef score(data, model, **k):\n    return data\n"
    folder = folders.make("resource", {"custom.py": source, "resource.zip": b"PK"})
    assert serve(folder.of_type("regression")).predict("v\n1\n").predictions == [1]


def test_custom_task(serve: Serve, folders: Folders) -> None:
    folder = folders.make("task", {"custom.py": TASK}).of_type("regression")
    assert serve(folder).predict("a\n1\n2\n").predictions == [2, 4]
