"""``CustomTask`` classes: saving, loading, predicting, transforming."""

from __future__ import annotations

import importlib
import logging
import pickle
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datarobot_drum.custom_task_interfaces as interfaces
from datarobot_drum.custom_task_interfaces import (
    BasicSecret,
    BinaryEstimatorInterface,
    MulticlassEstimatorInterface,
    RegressionEstimatorInterface,
    TransformerInterface,
)
from datarobot_drum.custom_task_interfaces.custom_task_interface import (
    CustomTaskInterface,
    Serializable,
)
from datarobot_drum.drum.exceptions import DrumSerializationError, ModelError, ModelLoadError
from datarobot_drum.drum.model.predictor import RowSource
from tests.unit.folders import ROWS, load, predict, records

TASK = """
import numpy as np
import pandas as pd
from datarobot_drum.custom_task_interfaces import {base}

class CustomTask({base}):
    def fit(self, X, y, **kwargs):
        self.fitted = len(X)

    def {method}:
        {body}

def score(data, model, **kwargs):
    raise AssertionError('hooks are ignored beside a CustomTask')

init = transform = post_process = read_input_data = load_model = score
"""


def task_folder(folder: Path, base: str, method: str, body: str) -> Path:
    """A folder with a fitted and saved task."""
    code = TASK.format(base=base, method=method, body=body)
    folder.mkdir(exist_ok=True)
    (folder / "custom.py").write_text(code)
    spec = importlib.util.spec_from_file_location("custom", folder / "custom.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["custom"] = module
    spec.loader.exec_module(module)
    task = module.CustomTask()
    task.fit(ROWS, None)
    assert task.save(str(folder)) is task
    return folder


def test_regression_task(tmp_path: Path) -> None:
    body = "return pd.DataFrame({'Predictions': X['a'] * self.fitted})"
    predictor = load(
        task_folder(tmp_path, "RegressionEstimatorInterface", "predict(self, X, **kwargs)", body),
        "regression",
    )
    assert predict(predictor).values[:, 0].tolist() == [3.0, 6.0, 9.0]
    assert predictor.info.hooks == frozenset()
    assert not predictor.info.batchable


def test_classifiers_predict_by_predict_proba_with_score_keywords(tmp_path: Path) -> None:
    body = (
        "labels = kwargs['positive_class_label'], kwargs['negative_class_label']\n"
        "        return pd.DataFrame({labels[0]: [0.75] * len(X), labels[1]: [0.25] * len(X)})"
    )
    folder = task_folder(
        tmp_path, "BinaryEstimatorInterface", "predict_proba(self, X, **kwargs)", body
    )
    assert records(predict(load(folder, "binary")))[0] == {"yes": 0.75, "no": 0.25}


def test_transformer_task(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "TransformerInterface", "transform(self, X)", "return X * 2")
    result = load(folder, "transform").transform(ROWS, None, RowSource())
    pd.testing.assert_frame_equal(result, ROWS * 2)


def test_extra_columns_are_not_split_off(tmp_path: Path) -> None:
    body = "return pd.DataFrame({'Predictions': X['a'], 'why': 'x'})"
    folder = task_folder(
        tmp_path, "RegressionEstimatorInterface", "predict(self, X, **kwargs)", body
    )
    with pytest.raises(ModelError, match=r"only 1 column\. Your predictions have 2 columns"):
        predict(load(folder, "regression"))


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("raise ValueError('boo')", "ValueError('boo')"),
        (
            "return [1]",
            "ValueError(\"score must return a dataframe, but received <class 'list'>\")",
        ),
    ],
)
def test_failing_predict(tmp_path: Path, body: str, cause: str) -> None:
    folder = task_folder(
        tmp_path, "RegressionEstimatorInterface", "predict(self, X, **kwargs)", body
    )
    with pytest.raises(ModelError) as error:
        predict(load(folder, "regression"))
    text = "Model 'score' hook failed to make predictions. Exception: "
    assert str(error.value) == text + cause


def test_failing_transform(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "TransformerInterface", "transform(self, X)", "return 1")
    with pytest.raises(ModelError) as error:
        load(folder, "transform").transform(ROWS, None, RowSource())
    assert str(error.value) == (
        "Model 'transform' hook failed to transform dataset. "
        "Exception: ValueError(\"transform must return a dataframe, but received <class 'int'>\")"
    )


def test_user_http_errors_pass_untouched(tmp_path: Path) -> None:
    from datarobot_drum import CustomHTTPError

    body = "from datarobot_drum import CustomHTTPError; raise CustomHTTPError('no', 409)"
    folder = task_folder(
        tmp_path, "RegressionEstimatorInterface", "predict(self, X, **kwargs)", body
    )
    with pytest.raises(CustomHTTPError, match="^no$"):
        predict(load(folder, "regression"))


def test_task_of_another_ancestry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text("class CustomTask:\n    pass\n")
    expected = "^The CustomTask class must inherit from the CustomTaskInterface$"
    with pytest.raises(ModelLoadError, match=expected):
        load(tmp_path, "regression")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "FileNotFoundError"),
        (
            pickle.dumps(3),
            "DrumSerializationError('load_task method must return a CustomTask class')",
        ),
    ],
)
def test_task_that_cannot_be_loaded(tmp_path: Path, content: bytes | None, expected: str) -> None:
    code = TASK.format(base="TransformerInterface", method="transform(self, X)", body="return X")
    (tmp_path / "custom.py").write_text(code)
    if content:
        (tmp_path / "drum_artifact.pkl").write_bytes(content)
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "transform")
    prefix = "An error occurred when loading your artifact: Failed to load custom task class. Exc"
    assert str(error.value).startswith(prefix)
    assert expected in str(error.value)


# --- saving ------------------------------------------------------------------------------


class Keeper(RegressionEstimatorInterface):
    """A task of this module, so that pickle finds it."""


def test_excluded_attributes_are_saved_as_none_and_kept(tmp_path: Path) -> None:
    task = Keeper()
    task.weights, task.handle = [1], lambda: 0
    task.save_task(str(tmp_path), exclude=["handle"])
    assert callable(task.handle)
    loaded = Keeper.load(str(tmp_path))
    assert (loaded.weights, loaded.handle) == ([1], None)


def test_unknown_exclusion(tmp_path: Path) -> None:
    expected = "^The object named handle passed in exclude= was not found$"
    with pytest.raises(DrumSerializationError, match=expected):
        Keeper().save_task(str(tmp_path), exclude=["handle"])


def test_failed_save_names_the_cause_and_leaves_no_file(tmp_path: Path) -> None:
    task = Keeper()
    task.handle = lambda: 0
    expected = (
        "An error occurred when saving your custom task. Ensure all variables stored on self are "
        "pickle-able or excluded when saving. Exception: "
    )
    with pytest.raises(DrumSerializationError) as error:
        task.save(str(tmp_path))
    assert str(error.value).startswith(expected)
    assert "lambda" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@given(st.dictionaries(st.text(max_size=9), st.text("xyz!äß", min_size=8), min_size=1))
def test_secrets_are_never_pickled(passwords: dict[str, str]) -> None:
    task = Keeper()
    assert task.secrets == {}
    task.secrets = {name: BasicSecret("me", word) for name, word in passwords.items()}
    with tempfile.TemporaryDirectory() as folder:
        task.save(folder)
        saved = Path(folder, "drum_artifact.pkl").read_bytes()
        assert Keeper.load(folder).secrets == {}
    assert not [word for word in passwords.values() if word.encode() in saved]
    assert {name: secret.password for name, secret in task.secrets.items()} == passwords


# --- the interfaces ----------------------------------------------------------------------


def test_interfaces_without_methods_fail_only_when_called() -> None:
    with pytest.raises(NotImplementedError):
        RegressionEstimatorInterface().predict(ROWS)
    with pytest.raises(NotImplementedError):
        TransformerInterface().transform(ROWS)
    for base in (BinaryEstimatorInterface, MulticlassEstimatorInterface):
        assert base().predict(ROWS) is None
        with pytest.raises(NotImplementedError):
            base().predict_proba(ROWS)
    with pytest.raises(NotImplementedError):
        CustomTaskInterface().fit(ROWS, pd.Series([1]))
    assert issubclass(CustomTaskInterface, Serializable)


def test_log_message_logs_at_info(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="drum"):
        CustomTaskInterface.log_message("fitting")
    name = "drum.datarobot_drum.custom_task_interfaces.custom_task_interface"
    assert caplog.record_tuples == [(name, logging.INFO, "fitting")]


def test_public_names() -> None:
    expected = {
        *("TransformerInterface", "RegressionEstimatorInterface", "BinaryEstimatorInterface"),
        *("MulticlassEstimatorInterface", "AnomalyEstimatorInterface"),
        *("BasicSecret", "OauthSecret", "GCPSecret", "S3Secret", "AzureSecret"),
        *("AzureServicePrincipalSecret", "SnowflakeOauthUserAccountSecret"),
        *("SnowflakeKeyPairUserAccountSecret", "AdlsGen2OauthSecret", "ApiTokenSecret"),
        *("TableauAccessTokenSecret", "DatabricksAccessTokenAccountSecret"),
    }
    assert expected == {name for name in dir(interfaces) if name[0].isupper()}
