"""Which file of a folder is its model, and what is said when none or several are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import ModelLoadError
from tests.unit.folders import load, write_folder


def test_no_artifact_lists_extensions_and_files(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text("def transform(data, model):\n    return data\n")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    text = str(error.value)
    assert text.startswith(
        "An error occurred when loading your artifact: \n\nRunning environment language: Python.\n"
        f"Could not find model artifact file in: {tmp_path} supported by default predictors.\n"
        "They support filenames with the following extensions ["
    )
    assert "'.joblib'" in text
    assert text.endswith(
        "If your artifact is not supported by default predictor, implement custom.load_model() "
        "hook.\nList of retrieved files are: custom.py\nWithout an artifact custom.py needs the"
        " hook load_model or score. Its functions: transform."
    )


def test_a_file_that_does_not_count_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text("def transform(data, model):\n    return data\n")
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.pkl").touch()
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert (
        "hook.\nNo artifact: model.json (only what XGBoost wrote), models/model.pkl (only the top"
        " level of the folder is looked at).\nList of retrieved files are: "
    ) in str(error.value)


def test_several_artifacts_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, a_pkl=1, b_joblib=b"")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert str(error.value).endswith(
        "Multiple serialized model files found. Remove extra artifacts or overwrite "
        "custom.load_model()\nList of retrieved files are: a.pkl | b.joblib"
    )


def test_added_extensions_never_make_a_folder_ambiguous(tmp_path: Path, diabetes: Any) -> None:
    write_folder(tmp_path, model_pkl=LinearRegression().fit(*diabetes))
    (tmp_path / "old.cbm").write_bytes(b"")
    assert load(tmp_path, "regression").info.framework == "scikit-learn"


def test_broken_artifact(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"not a pickle")
    with pytest.raises(ModelLoadError, match="Could not load model from the artifact file. Excep"):
        load(tmp_path, "regression")


def test_missing_framework_names_file_framework_and_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    write_folder(tmp_path, model_onnx=b"\x08")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert "The following frameworks support this model artifact" in str(error.value)
    assert "model.onnx needs onnx: pip install onnxruntime" in str(error.value)


def test_missing_module_of_a_pickle_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"cno_such_module\nThing\n.")
    with pytest.raises(ModelLoadError, match=r"model\.pkl needs the module 'no_such_module'"):
        load(tmp_path, "regression")


def test_a_pickle_of_a_class_of_a_script_says_what_to_do(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"c__main__\nThing\n.")
    with pytest.raises(ModelLoadError, match=r"model\.pkl was saved by a script or notebook that"):
        load(tmp_path, "regression")


def test_a_folder_imports_only_its_own_framework(tmp_path: Path, diabetes: Any) -> None:
    write_folder(tmp_path, model_pkl=LinearRegression().fit(*diabetes))
    script = (
        "import sys\n"
        "from datarobot_drum.drum.model.local import build_predictor\n"
        "from datarobot_drum.drum.settings import ModelSettings\n"
        "from datarobot_drum.drum.enum import TargetType\n"
        "build_predictor(ModelSettings(sys.argv[1], TargetType.REGRESSION))\n"
        "others = 'torch keras xgboost lightgbm catboost onnxruntime skops mlflow'.split()\n"
        "sys.exit(any(name in sys.modules for name in others))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path], check=False).returncode == 0
