"""What a folder with an MLmodel may hold: the types it trusts, its code, its files."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import ModelLoadError, SettingError
from datarobot_drum.drum.knobs.predicting import ArtifactSettings
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.settings import Settings
from tests.unit.folders import load, predict, write_folder
from tests.unit.model.artifacts.mlflow.flavors import lightgbm_sklearn
from tests.unit.model.artifacts.mlflow.saved import LABELS, save

pytest.importorskip("mlflow.pyfunc")


@pytest.fixture
def trusting(tmp_path: Path, rows: pd.DataFrame, target: pd.Series[float]) -> Path:
    lightgbm_sklearn(tmp_path / "saved", rows, target)
    return tmp_path / "saved"


def test_types_that_mlmodel_trusts_are_loaded_and_logged(
    trusting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(trusting, "regression")
    [line] = [r.getMessage() for r in caplog.records if "trusts" in r.getMessage()]
    assert "model.skops holds types that MLmodel itself trusts: " in line
    assert "lightgbm.basic.Booster" in line


def test_trusting_mlmodel_can_be_turned_off(
    trusting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_MLFLOW_TRUSTED_TYPES", "false")
    with pytest.raises(ModelLoadError) as error:
        load(trusting, "regression", artifacts=read(ArtifactSettings))
    assert "model.skops holds types that are not trusted: [" in str(error.value)
    assert "or set DRUM_MLFLOW_TRUSTED_TYPES to true" in str(error.value)


def test_the_switch_is_true_or_false(trusting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_MLFLOW_TRUSTED_TYPES", "perhaps")
    options = Namespace(subparser_name="score", code_dir=trusting, input="rows.csv")
    with pytest.raises(SettingError, match="Invalid DRUM_MLFLOW_TRUSTED_TYPES: 'perhaps'"):
        Settings.from_options(options)


def test_types_that_mlmodel_does_not_list_stay_refused(
    tmp_path: Path, rows: pd.DataFrame, classes: Any
) -> None:
    model = RandomForestClassifier(2).fit(rows, classes)
    folder = tmp_path / "saved"
    save("sklearn", model, folder, skops_trusted_types=["sklearn.tree._tree.Tree"])
    load(folder, "multiclass", class_labels=LABELS)
    mlmodel = folder / "MLmodel"
    mlmodel.write_text(mlmodel.read_text().replace("sklearn.tree._tree.Tree", "builtins.int"))
    with pytest.raises(ModelLoadError, match=r"not trusted: \['sklearn\.tree\._tree\.Tree'\]"):
        load(folder, "multiclass", class_labels=LABELS)


# --- files and code ---------------------------------------------------------------------------


def test_modules_saved_with_the_model_are_found_now_and_later(
    tmp_path: Path, rows: pd.DataFrame
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "halving_model.py").write_text(
        "class Halving:\n"
        "    def fit(self, rows, target=None): return self\n"
        "    def predict(self, rows):\n"
        "        import halving_factor\n"
        "        return rows['a'].to_numpy() * halving_factor.FACTOR\n"
    )
    (source / "halving_factor.py").write_text("FACTOR = 0.5\n")
    sys.path.insert(0, str(source))
    from halving_model import Halving  # type: ignore[import-not-found]

    folder = tmp_path / "saved"
    save(
        "sklearn",
        Halving(),
        folder,
        serialization_format="pickle",
        code_paths=[str(source / "halving_model.py"), str(source / "halving_factor.py")],
    )
    sys.path.remove(str(source))
    for name in ("halving_model", "halving_factor"):
        sys.modules.pop(name, None)
    result = predict(load(folder, "regression"), rows)
    assert result.values[:, 0].tolist() == (rows["a"] / 2).tolist()


MLMODEL = """\
flavors:
  python_function: {{loader_module: mlflow.{flavor}, {code}data: model.pkl, model_path: {name}}}
  {flavor}: {{pickled_model: {name}, data: {name}}}
"""


@pytest.mark.parametrize("flavor", ["sklearn", "lightgbm", "statsmodels", "pytorch"])
@pytest.mark.parametrize("name", ["../model.pkl", "{folder}/model.pkl", "sub/../../model.pkl"])
def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path, flavor: str, name: str) -> None:
    folder = write_folder(tmp_path / "saved")
    write_folder(tmp_path, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
    name = name.format(folder=tmp_path)
    (folder / "MLmodel").write_text(MLMODEL.format(flavor=flavor, code="", name=name))
    with pytest.raises(ModelLoadError, match="MLmodel names a file outside of its folder: "):
        load(folder, "regression")


@pytest.mark.parametrize(
    "entry",
    [
        "{code: [../code]}",
        "{artifacts: {weights: {path: ../weights}}}",
        "{extra_files: [{path: ../more}]}",
        "{peft_adaptor: ../adaptor}",
        "{local_base_model_path: /models/base}",
        "{parameters_path: ../parameters.yaml}",
    ],
)
def test_no_entry_leads_out_of_the_folder(tmp_path: Path, entry: str) -> None:
    (tmp_path / "MLmodel").write_text(f"flavors: {{python_function: {entry}}}\n")
    with pytest.raises(ModelLoadError, match="MLmodel names a file outside of its folder: "):
        load(tmp_path, "regression")


def test_files_outside_of_the_folder_can_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    folder = write_folder(tmp_path / "saved")
    write_folder(tmp_path, model_pkl=LinearRegression().fit(rows, [2, 4]))
    content = MLMODEL.format(flavor="sklearn", code="", name="../model.pkl")
    (folder / "MLmodel").write_text(content)
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_FILES_OUTSIDE_FOLDER", "true")
    predictor = load(folder, "regression", artifacts=read(ArtifactSettings))
    np.testing.assert_allclose(predict(predictor, rows).values[:, 0], [2, 4])


@pytest.mark.parametrize("key", ["file", "code"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    folder = write_folder(tmp_path / "saved")
    write_folder(tmp_path, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
    code = "code: code, " if key == "code" else ""
    (folder / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code=code, name="model.pkl"))
    if key == "file":
        (folder / "model.pkl").symlink_to(tmp_path / "model.pkl")
    else:
        write_folder(folder, model_pkl=LinearRegression().fit([[1.0]], [1.0]))
        (folder / "code").symlink_to(tmp_path)
    with pytest.raises(ModelLoadError, match="MLmodel names a file outside of its folder: "):
        load(folder, "regression")


def test_links_within_the_folder_are_fine(tmp_path: Path) -> None:
    """Kubernetes mounts a folder so."""
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    inner = write_folder(tmp_path / "..data", model_pkl=LinearRegression().fit(rows, [2, 4]))
    (inner / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code="", name="model.pkl"))
    for name in ("MLmodel", "model.pkl"):
        (tmp_path / name).symlink_to(Path("..data", name))
    np.testing.assert_allclose(predict(load(tmp_path, "regression"), rows).values[:, 0], [2, 4])


def test_a_pointer_inside_of_the_folder_is_called_one(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    folder = write_folder(tmp_path, model_pkl=pointer)
    (folder / "MLmodel").write_text(MLMODEL.format(flavor="sklearn", code="", name="model.pkl"))
    with pytest.raises(ModelLoadError, match=r"model\.pkl is a Git LFS pointer"):
        load(folder, "regression")


@pytest.mark.parametrize("content", ["{", "flavors: 3\n", "a: b\n", ""])
def test_a_file_that_mlflow_did_not_write(tmp_path: Path, content: str) -> None:
    (tmp_path / "MLmodel").write_text(content or "\n")
    with pytest.raises(ModelLoadError, match="MLmodel is not a file that MLflow wrote"):
        load(tmp_path, "regression")
