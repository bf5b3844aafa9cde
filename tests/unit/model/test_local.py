"""A folder's model transforms, replies, and says what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.exceptions import ModelError, ModelLoadError, StartupError
from datarobot_drum.drum.model.pipeline import LocalPredictor
from datarobot_drum.drum.model.predictor import ClassLabels, Predictor, RowSource
from tests.unit.folders import ROWS, load, write_folder


def transforming(folder: Path, hook: str, target: Any = None) -> pd.DataFrame:
    write_folder(folder, hook + "\n")
    return load(folder, "transform").transform(ROWS, target, RowSource())


def test_transform_hooks_of_two_and_three_arguments(tmp_path: Path) -> None:
    two = transforming(tmp_path / "a", "def transform(data, model): return data * 2")
    pd.testing.assert_frame_equal(two, ROWS * 2)
    hook = "def transform(X, transformer, y=None): return X.assign(seen=y)"
    assert transforming(tmp_path / "b", hook, [7, 8, 9])["seen"].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (
            "def transform(data): return data",
            "Transform hook must take 2 or 3 arguments; hook provided takes 1",
        ),
        (
            "def transform(data, model): return data, None",
            "Transformation of the target variable is not supported by DRUM.",
        ),
        (
            "def transform(data, model): return data.to_numpy()",
            "transform must return a dataframe, but received <class 'numpy.ndarray'>",
        ),
        (
            "def transform(data, model): return data[1:]",
            "Transformation resulted in different number of rows than original data",
        ),
        (
            "def transform(data, model): raise ValueError('boo')",
            "Model 'transform hook' failed to transform dataset. Exception: ValueError('boo')",
        ),
    ],
)
def test_transform_failures(tmp_path: Path, hook: str, expected: str) -> None:
    with pytest.raises(ModelError) as error:
        transforming(tmp_path, hook)
    assert expected in str(error.value)


@pytest.mark.parametrize("kind", ["array", "frame", "sparse"])
def test_sklearn_transformers_need_no_hook(tmp_path: Path, kind: str) -> None:
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    model = StandardScaler().fit(ROWS)
    if kind == "frame":
        model.set_output(transform="pandas")
    if kind == "sparse":
        model = OneHotEncoder().fit(ROWS)
    write_folder(tmp_path, model_pkl=model)
    result = load(tmp_path, "transform").transform(ROWS, None, RowSource())
    expected = model.transform(ROWS)
    values = expected.toarray() if kind == "sparse" else np.asarray(expected)
    np.testing.assert_array_equal(result.to_numpy(), values)
    assert list(result) == (["a", "b"] if kind == "frame" else list(range(values.shape[1])))
    assert hasattr(result, "sparse") == (kind == "sparse")


def test_transform_needs_a_hook_or_scikit_learn(tmp_path: Path) -> None:
    write_folder(tmp_path, "def score(data, model, **kwargs):\n    return data\n")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "transform")
    assert str(error.value) == (
        "An error occurred when loading your artifact: A transform task requires a user-defined "
        "transform hook for non-sklearn transformers"
    )


# --- unstructured ------------------------------------------------------------------------


def replying(folder: Path, value: str) -> Any:
    hook = f"def score_unstructured(model, data, **kwargs):\n    return {value}\n"
    write_folder(folder, hook)
    return load(folder, "unstructured").predict_unstructured("text", mimetype="text/plain")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("data.upper()", ("TEXT", None, None)),
        ("f'{model} {kwargs}'", ("the model {'mimetype': 'text/plain'}", None, None)),
        ("b'raw'", (b"raw", None, None)),
        ("None", (None, None, None)),
        ("(b'raw', None)", (b"raw", None, None)),
        ("('x', {'mimetype': 'a/b', 'other': 1})", ("x", "a/b", None)),
        ("('x', {'mimetype': 'a/b', 'charset': 'latin-1'})", ("x", "a/b", "latin-1")),
    ],
)
def test_unstructured_replies(tmp_path: Path, value: str, expected: tuple) -> None:
    reply = replying(tmp_path, value)
    assert (reply.data, reply.mimetype, reply.charset) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "{}",
            "In unstructured mode single return value can be of type str/bytes, "
            "but received <class 'dict'>",
        ),
        (
            "(1, 2, 3)",
            "In unstructured mode predictions of type tuple must have length = 2, "
            "but received length = 3",
        ),
        (
            "('a', 'text/plain')",
            "In unstructured mode tuple return value must be of type (str/bytes, dict) "
            "but received (<class 'str'>, <class 'str'>)",
        ),
        ("1 / 0", "division by zero"),
    ],
)
def test_unstructured_refusals(tmp_path: Path, value: str, expected: str) -> None:
    with pytest.raises(ModelError) as error:
        replying(tmp_path, value)
    assert str(error.value) == expected


def test_unstructured_models_need_their_hook_and_see_no_other(tmp_path: Path) -> None:
    write_folder(tmp_path / "a", "def score(data, model, **kwargs):\n    return data\n")
    expected = "In 'unstructured' mode hook 'score_unstructured' must be provided."
    with pytest.raises(ModelLoadError, match=expected):
        load(tmp_path / "a", "unstructured")
    hooks = "def score_unstructured(model, data, **kw): ...\ndef chat(params, model): ...\n"
    write_folder(tmp_path / "b", hooks)
    info = load(tmp_path / "b", "unstructured").info
    assert info.hooks == frozenset({"load_model", "score_unstructured"})
    assert not info.supports_chat


# --- loading -----------------------------------------------------------------------------


def test_info_tells_what_the_folder_says(tmp_path: Path) -> None:
    metadata = """
        name: x
        type: inference
        targetType: binary
        inferenceModel: {positiveClassLabel: yes, negativeClassLabel: no}
    """
    hook = "def score(data, model, **kwargs):\n    return data\n"
    write_folder(tmp_path, hook, metadata=metadata)
    info = load(tmp_path).info
    assert info.code_dir == str(tmp_path)
    assert info.target_type is TargetType.BINARY
    assert info.language is RunLanguage.PYTHON
    assert info.labels == ClassLabels(("no", "yes"), positive="yes", negative="no")
    assert info.metadata["inferenceModel"]["positiveClassLabel"] == "yes"


@pytest.mark.parametrize("language", [RunLanguage.R, RunLanguage.JAVA, RunLanguage.OTHER])
def test_other_languages_are_refused(tmp_path: Path, language: RunLanguage) -> None:
    with pytest.raises(StartupError, match="This version serves Python models only"):
        load(tmp_path, "regression", language=language)


def test_a_local_predictor_is_a_predictor(tmp_path: Path) -> None:
    write_folder(tmp_path, "def score(data, model, **kwargs):\n    return data[['a']]\n")
    predictor: Predictor = load(tmp_path, "regression")
    assert len(predictor.predict(ROWS, RowSource())) == 3
    predictor.close()


@pytest.mark.parametrize(
    ("target_type", "hook", "ask"),
    [
        (
            "regression",
            "def score(data, model, **kwargs):\n    return pd.DataFrame([model is None] * 3)",
            lambda predictor: predictor.predict(ROWS, RowSource()).values.tolist() == [[1]] * 3,
        ),
        (
            "transform",
            "def transform(data, model):\n    return data.assign(none=model is None)",
            lambda predictor: predictor.transform(ROWS, None, RowSource())["none"].all(),
        ),
        (
            "unstructured",
            "def score_unstructured(model, data, **kwargs):\n    return str(model)",
            lambda predictor: predictor.predict_unstructured("").data == "None",
        ),
        (
            "textgeneration",
            "def chat(params, model):\n    return str(model)",
            lambda predictor: predictor.chat({}, {}) == "None",
        ),
    ],
)
def test_hooks_that_can_answer_need_neither_artifact_nor_load_model(
    tmp_path: Path, target_type: str, hook: str, ask: Callable[[LocalPredictor], bool]
) -> None:
    (tmp_path / "custom.py").write_text(f"import pandas as pd\n{hook}\n")
    assert ask(load(tmp_path, target_type, target_name="answer"))


def test_hooks_without_a_model_are_told_which_file_was_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "custom.py").write_text("def score(data, model, **kwargs):\n    return data\n")
    (tmp_path / "requirements.txt").touch()
    load(tmp_path, "regression")
    assert caplog.text == ""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.pkl").touch()
    load(tmp_path, "regression")
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path} has neither an artifact nor a load_model hook: the other hooks get None as"
        " their model. No artifact: weights/model.pkl (only the top level of the folder is looked"
        " at)."
    )
