"""What a hook may return: one column, one for each label, and more beside them."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.predictor import ClassLabels
from tests.unit.folders import load, predict, records, write_folder

LABELS = {"class_labels": ("a", "b", "c")}


def scoring(folder: Path, frame: str, target_type: str = "regression", **settings: Any) -> Any:
    """Predict with a hook that returns ``frame``; ``n`` is the number of rows."""
    custom = (
        f"def score(data, model, **kwargs):\n    n = len(data)\n    return pd.DataFrame({frame})\n"
    )
    write_folder(folder, custom)
    return predict(load(folder, target_type, **settings))


def failure(folder: Path, frame: str, target_type: str = "regression", **settings: Any) -> str:
    with pytest.raises(ModelError) as error:
        scoring(folder, frame, target_type, **settings)
    return str(error.value)


# --- single-column types -----------------------------------------------------------------


@pytest.mark.parametrize("target_type", ["regression", "anomaly", "geopoint"])
def test_single_column_of_any_name(tmp_path: Path, target_type: str) -> None:
    result = scoring(tmp_path, "{'whatever': [1, 2, 3]}", target_type)
    assert result.columns == ("Predictions",)
    assert result.values.dtype == np.int64
    assert result.values.tolist() == [[1], [2], [3]]
    assert result.extra is None


def test_text_stays_text(tmp_path: Path) -> None:
    result = scoring(tmp_path, "{'x': ['a', None, 'c']}", "textgeneration", target_name="text")
    assert result.values[:, 0].tolist()[::2] == ["a", "c"]
    assert pd.isna(result.values[1, 0])


def test_extra_columns_are_split_off_by_name(tmp_path: Path) -> None:
    frame = "{'z': list('xyz'), 'Predictions': [1.0, 2.0, 3.0], 'w': [True] * n}, index=[7, 8, 9]"
    result = scoring(tmp_path, frame)
    assert result.values.tolist() == [[1.0], [2.0], [3.0]]
    expected = pd.DataFrame({"z": list("xyz"), "w": [True] * 3}, index=[7, 8, 9])
    pd.testing.assert_frame_equal(result.extra, expected)


@pytest.mark.parametrize("target_type", ["textgeneration", "vectordatabase", "agenticworkflow"])
@pytest.mark.parametrize("name", ["answer", '"answer"'])
def test_named_targets_pick_their_column(tmp_path: Path, target_type: str, name: str) -> None:
    frame = "{'Predictions': list('xyz'), 'answer': list('abc')}"
    result = scoring(tmp_path, frame, target_type, target_name=name)
    assert result.values[:, 0].tolist() == ["a", "b", "c"]
    assert result.columns == ("Predictions",)
    assert list(result.extra) == ["Predictions"]


@pytest.mark.parametrize("target_type", ["textgeneration", "vectordatabase", "agenticworkflow"])
@pytest.mark.parametrize("name", [None, ""])
def test_named_targets_need_a_name(tmp_path: Path, target_type: str, name: str | None) -> None:
    write_folder(tmp_path, "def score(data, model, **kwargs):\n    return data\n")
    expected = (
        "Unexpected empty target name for text generation, vector database, "
        "or agentic workflow target."
    )
    with pytest.raises(StartupError, match=expected):
        load(tmp_path, target_type, target_name=name)


def test_several_columns_without_predictions(tmp_path: Path) -> None:
    assert failure(tmp_path, "{'u': [1] * n, 'v': [2] * n}") == (
        "\"['Predictions'] not found in axis\""
    )


def test_post_process_cannot_add_columns(tmp_path: Path) -> None:
    custom = """
        def score(data, model, **kwargs):
            return pd.DataFrame({'p': [1.0] * len(data)})
        def post_process(predictions, model):
            return predictions.assign(more=1)
    """
    write_folder(tmp_path, custom)
    with pytest.raises(ModelError) as error:
        predict(load(tmp_path, "regression"))
    assert str(error.value) == (
        "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
        "only 1 column. Your predictions have 2 columns"
    )


# --- classification ----------------------------------------------------------------------


def test_label_columns_keep_the_hooks_order(tmp_path: Path) -> None:
    result = scoring(tmp_path, "{'1': [0.9] * n, 'No': [0.1] * n}", "binary")
    assert result.columns == ("yes", "no")
    assert records(result)[0] == {"yes": 0.9, "no": 0.1}


def test_integer_columns_are_labels_too(tmp_path: Path) -> None:
    result = scoring(
        tmp_path, "{0: [0.9] * n, 1: [0.1] * n}", "multiclass", class_labels=("1", "0")
    )
    assert records(result)[0] == {"0": 0.9, "1": 0.1}


def test_extra_columns_beside_labels(tmp_path: Path) -> None:
    frame = "{'why': ['x'] * n, 'no': [0.1] * n, 'yes': [0.9] * n, 'a': [1] * n}"
    result = scoring(tmp_path, frame, "binary")
    assert records(result)[0] == {"no": 0.1, "yes": 0.9}
    assert list(result.extra) == ["why", "a"]


def test_extra_columns_demand_labels_spelled_exactly(tmp_path: Path) -> None:
    frame = "{'x': [1] * n, 'YES': [0.9] * n, 'no': [0.1] * n}"
    assert failure(tmp_path, frame, "binary") == "\"['yes'] not found in axis\""


def test_post_process_sees_labels_and_keeps_extra_output(tmp_path: Path) -> None:
    custom = """
        def score(data, model, **kwargs):
            n = len(data)
            return pd.DataFrame({'NO': [0.25] * n, 'YES': [0.75] * n})
        def post_process(predictions, model):
            assert list(predictions) == ['no', 'yes'], list(predictions)
            return predictions[['yes', 'no']]
    """
    write_folder(tmp_path / "a", custom)
    assert records(predict(load(tmp_path / "a", "binary")))[0] == {"yes": 0.75, "no": 0.25}
    with_extra = custom.replace("'NO'", "'why': ['x'] * n, 'no'").replace("'YES'", "'yes'")
    write_folder(tmp_path / "b", with_extra)
    result = predict(load(tmp_path / "b", "binary"))
    assert records(result)[0] == {"yes": 0.75, "no": 0.25}
    assert result.extra["why"].tolist() == ["x"] * 3


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (
            "{'a': [1.0] * n, 'b': [0.0] * n}",
            "Expected predictions to have columns ['a', 'b', 'c']",
        ),
        ("{'a': [1.0] * n}", "Expected predictions to have columns ['a', 'b', 'c']"),
        (
            "{'a': [-0.1] * n, 'b': [0.1] * n, 'c': [1.0] * n}",
            "Your prediction probabilities have negative values",
        ),
        (
            "{'a': [1.1] * n, 'b': [0.0] * n, 'c': [0.0] * n}",
            "Your prediction probabilities have values greater than 1",
        ),
        (
            "{'a': [0.5] * n, 'b': [0.1, 0.5, 0.5], 'c': [0.0] * n}",
            "Your prediction probabilities do not add up to 1. \n[[0.5 0.1 0. ]]",
        ),
        (
            "{'a': [np.nan] * n, 'b': [0.5] * n, 'c': [0.5] * n}",
            "Your prediction probabilities do not add up to 1. \n[[nan",
        ),
        (
            "{'a': ['x'] * n, 'b': [0.5] * n, 'c': [0.5] * n}",
            "'<' not supported between instances of 'str' and 'int'",
        ),
    ],
)
def test_probabilities_are_checked_in_order(tmp_path: Path, frame: str, expected: str) -> None:
    assert failure(tmp_path, frame, "multiclass", **LABELS).startswith(expected)


def test_multilabel_rows_need_not_sum_to_one(tmp_path: Path) -> None:
    frame = "{'a': [1.0] * n, 'b': [1.0] * n, 'c': [np.nan] * n}"
    result = scoring(tmp_path, frame, "multilabel", **LABELS)
    assert result.columns == ("a", "b", "c")


@pytest.mark.parametrize(("total", "valid"), [(1.000001, True), (1.00002, False)])
def test_tolerance_of_the_sum(total: float, valid: bool) -> None:
    rules = OutputRules(TargetType.MULTICLASS, ClassLabels(("a", "b")))
    values = np.array([[0.5, total - 0.5]])
    if valid:
        assert rules.from_array(values).columns == ("a", "b")
    else:
        with pytest.raises(ModelError, match="do not add up to 1"):
            rules.from_array(values)


def test_single_precision_rows_are_summed_in_double_precision() -> None:
    values = np.full((2, 3000), 1 / 3000, dtype=np.float32)
    rules = OutputRules(TargetType.MULTICLASS, ClassLabels(tuple(map(str, range(3000)))))
    assert rules.from_array(values).values is values


BINARY = OutputRules(TargetType.BINARY, ClassLabels(("no", "yes"), "yes", "no"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_single_value_is_the_positive_class(values: list[float]) -> None:
    result = BINARY.from_array(np.array(values))
    assert result.columns == ("no", "yes")
    assert result.values[:, 1].tolist() == values
    assert result.values[:, 0].tolist() == [1 - value for value in values]


def test_unnamed_binary_columns_are_negative_then_positive() -> None:
    assert records(BINARY.from_array(np.array([[0.25, 0.75]]))) == [{"no": 0.25, "yes": 0.75}]


def test_binary_without_names_means_the_same_with_post_process(tmp_path: Path) -> None:
    custom = """
        class Model:
            def predict_proba(self, X):
                return np.full(len(X), 0.75)
            predict = predict_proba
        def load_model(code_dir):
            return Model()
    """
    hook = "def post_process(predictions, model):\n    return predictions\n"
    write_folder(tmp_path / "plain", custom)
    write_folder(tmp_path / "hook", textwrap.dedent(custom) + hook)
    for name in ("plain", "hook"):
        result = predict(load(tmp_path / name, "binary"))
        assert records(result)[0] == {"no": 0.25, "yes": 0.75}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.zeros((2, 2, 2)), "2 dimensional array, but we received a 3 dimensional array"),
        ("text", "must return a np array, but received <class 'str'>"),
        ({1.0, 2.0}, "must return a np array, but received <class 'set'>"),
    ],
)
def test_arrays_only(values: Any, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        OutputRules(TargetType.REGRESSION).from_array(values)


# --- rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [2, 4])
def test_one_prediction_for_each_row(tmp_path: Path, rows: int) -> None:
    assert failure(tmp_path, f"{{'p': [1.0] * {rows}}}") == (
        "Your predictions must have one row for each input row. "
        f"Expected 3 rows, but received {rows}"
    )


def test_rows_dropped_by_transform_or_post_process_are_missed(tmp_path: Path) -> None:
    score = "def score(data, model, **kwargs):\n    return pd.DataFrame({'p': data['a']})\n"
    for name in ("transform", "post_process"):
        write_folder(tmp_path / name, score + f"def {name}(data, model):\n    return data[1:]\n")
        with pytest.raises(ModelError, match="Expected 3 rows, but received 2"):
            predict(load(tmp_path / name, "regression"))
