"""A model folder inside the caller's own process."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import (
    ModelLoadError,
    NotSupportedError,
    PayloadError,
    UsageError,
)
from datarobot_drum.drum.root_predictors.drum_inline_utils import drum_inline_predictor
from tests.unit.folders import write_folder

CSV = b"a,b\n1,2\n3,4\n"
LABELS = ("--positive-class-label", "yes", "--negative-class-label", "no")
BINARY = """
def score(data, model, **kwargs):
    yes = data["a"] / 4
    frame = pd.DataFrame({"no": 1 - yes, "yes": yes, "why": ["x", "y"]})
    return frame.set_axis([7, 7])
"""


@pytest.fixture(autouse=True)
def clean_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "custom", raising=False)
    monkeypatch.delenv("TARGET_NAME", raising=False)


def test_labels_come_as_extra_arguments(tmp_path: Path):
    folder = write_folder(tmp_path, BINARY)
    with drum_inline_predictor("binary", str(folder), "target", *LABELS) as predictor:
        reply = predictor.predict(binary_data=CSV, mimetype="text/csv", charset="utf-8")
        assert predictor.target_type is TargetType.BINARY
        assert predictor.class_ordering == ["yes", "no"]
        assert predictor.model_info() == {
            "targetType": "binary",
            "codeDir": str(folder),
            "positiveClassLabel": "yes",
            "negativeClassLabel": "no",
            "predictor": None,
        }
    assert reply.predictions.to_dict("list") == {"no": [0.75, 0.25], "yes": [0.25, 0.75]}
    assert reply.extra_model_output is not None
    assert reply.extra_model_output.to_dict("list") == {"why": ["x", "y"]}
    assert list(reply.combined_dataframe.columns) == ["no", "yes", "why"]
    assert len(reply.combined_dataframe) == 2


def test_labels_come_from_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLASS_LABELS", "one two")
    folder = write_folder(tmp_path, "def score(data, model, **kwargs): ...")
    with drum_inline_predictor("multiclass", str(folder), "t") as predictor:
        assert predictor.class_ordering == ["one", "two"]
        assert predictor.model_info()["classLabels"] == ["one", "two"]


def test_the_host_keeps_its_command_line_logging_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "argv", ["host", "--not-ours"])
    monkeypatch.setenv("TARGET_NAME", "the host's")
    handlers = logging.getLogger().handlers[:]
    folder = write_folder(
        tmp_path,
        """
        import os
        from datarobot_drum import RuntimeParameters

        def score(data, model, **kwargs):
            seen = [os.environ["TARGET_NAME"], RuntimeParameters.get("depth")]
            return pd.DataFrame({"answer": seen})
        """,
        metadata="""
        name: n
        type: inference
        targetType: textgeneration
        runtimeParameterDefinitions:
          - fieldName: depth
            type: string
            defaultValue: deep
        """,
    )
    with drum_inline_predictor("textgeneration", str(folder), "answer") as predictor:
        reply = predictor.predict(binary_data=CSV, mimetype="text/csv")
    assert reply.predictions["Predictions"].tolist() == ["answer", "deep"]
    assert reply.extra_model_output is None
    assert reply.combined_dataframe is reply.predictions
    assert os.environ["TARGET_NAME"] == "the host's"
    assert not [name for name in os.environ if name.endswith("PARAM_depth")]
    assert logging.getLogger().handlers == handlers


def test_parameters_come_from_a_values_file(tmp_path: Path):
    values = tmp_path / "values.yaml"
    values.write_text("DRUM_BATCHING: off\n")
    folder = write_folder(
        tmp_path / "model",
        """
        from datarobot_drum import RuntimeParameters

        def load_model(code_dir):
            return RuntimeParameters.get("DRUM_BATCHING")

        def score_unstructured(model, data, **kwargs):
            return str(model)
        """,
    )
    arguments = ("--runtime-params-file", str(values))
    with drum_inline_predictor("unstructured", str(folder), "t", *arguments) as predictor:
        assert predictor.predict_unstructured("x")[0] in ("off", "False")
    assert "TARGET_NAME" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--no-such-option",), "unrecognized arguments: --no-such-option"),
        (("--positive-class-label", "yes"), "both positive and negative class labels"),
        (("--runtime-params-file", "absent"), "The file absent does not exist!"),
        (("--help",), "usage: drum score"),
    ],
)
def test_a_wrong_option_is_an_exception_not_the_end(tmp_path: Path, arguments, text: str, capfd):
    folder = write_folder(tmp_path, BINARY)
    with (
        pytest.raises(UsageError, match=text),
        drum_inline_predictor("binary", str(folder), "t", *arguments),
    ):
        pass
    assert "TARGET_NAME" not in os.environ
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_cannot_be_loaded_is_an_exception(tmp_path: Path):
    folder = write_folder(tmp_path, "import sys; sys.exit(3)")
    with (
        pytest.raises(ModelLoadError, match="Failed loading hooks"),
        drum_inline_predictor("regression", str(folder), "t"),
    ):
        pass


def test_what_the_block_raises_is_the_callers(tmp_path: Path):
    folder = write_folder(tmp_path, BINARY)
    with (
        pytest.raises(KeyError, match="mine"),
        drum_inline_predictor("binary", str(folder), "t", *LABELS),
    ):
        raise KeyError("mine")
    assert "TARGET_NAME" not in os.environ


def test_transform_returns_rows_and_target(tmp_path: Path):
    folder = write_folder(tmp_path, "def transform(data, model): return data * 2")
    with drum_inline_predictor("transform", str(folder), "t") as predictor:
        rows, target = predictor.transform(binary_data=CSV, mimetype="text/csv")
        assert (rows.to_numpy().tolist(), target) == ([[2, 4], [6, 8]], None)
        _, target = predictor.transform(
            CSV, "text/csv", target_binary_data=b"y\n0\n1\n", target_mimetype="text/csv"
        )
        assert target is not None
        assert target["y"].tolist() == [0, 1]


def test_sparse_rows_have_their_names(tmp_path: Path):
    mtx = b"%%MatrixMarket matrix coordinate real general\n2 2 1\n2 2 5\n"
    folder = write_folder(
        tmp_path,
        """
        def score(data, model, **kwargs):
            count = len(kwargs["sparse_colnames"])
            return pd.DataFrame({"Predictions": data["q"].to_numpy() + count})
        """,
    )
    with drum_inline_predictor("regression", str(folder), "t") as predictor:
        reply = predictor.predict(mtx, "text/mtx", sparse_colnames=["p", "q"])
        assert reply.predictions["Predictions"].tolist() == [2.0, 7.0]
        with pytest.raises(PayloadError, match="not supported"):
            predictor.predict(mtx, "text/other")


def test_unstructured_returns_what_the_hook_returned(tmp_path: Path):
    folder = write_folder(
        tmp_path,
        """
        def score_unstructured(model, data, **kwargs):
            return (data, {"mimetype": kwargs["mimetype"]}) if kwargs else data
        """,
    )
    with drum_inline_predictor("unstructured", str(folder), "t") as predictor:
        assert predictor.predict_unstructured("a", mimetype="x/y") == ("a", {"mimetype": "x/y"})
        assert predictor.predict_unstructured(b"a") == (b"a", None)


def test_chat(tmp_path: Path):
    folder = write_folder(
        tmp_path,
        """
        def chat(params, model, **kwargs):
            return params["n"], kwargs["headers"]

        def get_supported_llm_models(model):
            return [{"id": "toy"}]

        def read_input_data(data): ...
        """,
    )
    with drum_inline_predictor("agenticworkflow", str(folder), "t") as predictor:
        assert predictor.supports_chat()
        assert predictor.has_read_input_data_hook()
        assert predictor.chat({"n": 1}) == (1, {})
        assert predictor.chat({"n": 1}, headers={"X-A": "b"}) == (1, {"X-A": "b"})
        models = predictor.get_supported_llm_models()
        assert models == {"object": "list", "data": [{"id": "toy"}]}


def test_a_model_without_chat_says_so(tmp_path: Path):
    folder = write_folder(tmp_path, BINARY)
    with drum_inline_predictor("binary", str(folder), "t", *LABELS) as predictor:
        assert not predictor.supports_chat()
        assert not predictor.has_read_input_data_hook()
        assert predictor.get_supported_llm_models() == {"object": "list", "data": []}
        with pytest.raises(NotSupportedError, match="no chat"):
            predictor.chat({})


def test_the_model_is_let_go(tmp_path: Path):
    folder = write_folder(
        tmp_path,
        """
        from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface

        class CustomTask(RegressionEstimatorInterface):
            def fit(self, X, y, row_weights=None, **kwargs): ...
            def predict(self, X, **kwargs): return pd.DataFrame({"Predictions": X["a"]})

            @classmethod
            def load(cls, artifact_directory): return cls()
        """,
    )
    with drum_inline_predictor("regression", str(folder), "t") as predictor:
        assert predictor.predict(CSV).predictions["Predictions"].tolist() == [1.0, 3.0]
        assert predictor.class_ordering is None
