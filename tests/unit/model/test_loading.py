"""Model files of every kind and name, and what is said of those that are none."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.model.folder import python_artifacts
from datarobot_drum.drum.model.mistaken import what_instead
from tests.unit.folders import ROWS, load, predict

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>"

DOUBLER = """
class Doubler:
    def predict(self, rows):
        import factor{n}
        return rows["a"].to_numpy() * factor{n}.FACTOR
"""


@pytest.fixture(scope="module")
def forest() -> RandomForestRegressor:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    return RandomForestRegressor(3, random_state=0).fit(rows, rows["a"] - rows["b"])


@pytest.fixture
def import_path() -> Iterator[None]:
    """Loading a folder leaves it on the path; the next test shall not find it."""
    before = sys.path[:]
    yield
    sys.path[:] = before


# --- pickles -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
@pytest.mark.parametrize("compress", [0, 3, "zlib", "gzip", "bz2", "xz", "lzma"])
def test_joblib_dumps_load_under_either_name(
    tmp_path: Path, forest: Any, name: str, compress: Any
) -> None:
    joblib.dump(forest, tmp_path / name, compress=compress)
    result = predict(load(tmp_path, "regression"))
    np.testing.assert_array_equal(result.values[:, 0], forest.predict(ROWS))


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zlib.compress]
)
def test_pickles_load_under_either_name(
    tmp_path: Path, forest: Any, name: str, protocol: int, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / name).write_bytes(compress(pickle.dumps(forest, protocol=protocol)))
    result = predict(load(tmp_path, "regression"))
    np.testing.assert_array_equal(result.values[:, 0], forest.predict(ROWS))


def test_joblib_is_not_imported_for_a_plain_pickle(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("class Model:\n    def predict(self, rows): return rows\n")
    script = (
        "import pickle, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import plain\n"
        "pickle.dump(plain.Model(), open(sys.argv[1] + '/model.pkl', 'wb'))\n"
        "from datarobot_drum.drum.model.artifacts.registry import load_artifact\n"
        "from datarobot_drum.drum.knobs.predicting import ArtifactSettings\n"
        "load_artifact(sys.argv[1], ArtifactSettings())\n"
        "print([name for name in ('joblib', 'sklearn') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


# --- modules beside the artifact -----------------------------------------------------------


def saved_with_a_module(folder: Path, number: int, save: str) -> None:
    """Save, in another process, a model whose class lives in a module of the folder."""
    (folder / f"doubler{number}.py").write_text(DOUBLER.format(n=number))
    (folder / f"factor{number}.py").write_text("FACTOR = 2.0\n")
    script = f"import doubler{number}, sys\nmodel = doubler{number}.Doubler()\n{save}\n"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, cwd=folder)


@pytest.mark.usefixtures("import_path")
@pytest.mark.parametrize(
    ("number", "save"),
    [
        (1, "import pickle; pickle.dump(model, open('model.pkl', 'wb'))"),
        (2, "import joblib; joblib.dump(model, 'model.joblib')"),
        (3, "import torch; torch.save(model, 'model.pth')"),
    ],
)
def test_a_class_may_live_in_a_module_beside_the_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, save: str
) -> None:
    if "torch" in save:
        pytest.importorskip("torch")
    """Also what it imports later, and from wherever the server was started."""
    saved_with_a_module(tmp_path, number, save)
    monkeypatch.chdir(tmp_path.parent)
    predictor = load(Path(tmp_path.name), "regression")
    monkeypatch.chdir("/")
    assert predict(predictor).values[:, 0].tolist() == [2.0, 4.0, 6.0]


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cnowhere_to_be_found\nModel\n.")
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert "model.pkl needs the module 'nowhere_to_be_found': install it, or put it" in str(
        error.value
    )


# --- files that are no models ----------------------------------------------------------------

NAMES = ["model.pkl", "model.joblib", "model.pth", "model.pt", "model.onnx", "model.h5"]
NAMES += ["model.keras", "model.cbm", "model.skops", "model.ubj"]


@pytest.mark.parametrize("name", [*NAMES, "model.json", "model.txt"])
def test_a_git_lfs_pointer_is_called_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert f"{name} is a Git LFS pointer" in str(error.value)
    assert "'git lfs pull'" in str(error.value)


def test_a_pointer_to_a_resource_leaves_the_artifact_alone(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(POINTER)
    (tmp_path / "model.cbm").write_bytes(b"CBM1")
    assert [path.name for path in python_artifacts(str(tmp_path))] == ["model.cbm"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PAGE, "is a web page (HTML or XML)"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><Error/>", "is a web page (HTML or XML)"),
        (b"", "is empty: copy it again"),
    ],
)
def test_a_web_page_and_an_empty_file_are_called_that(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert f"{name} {expected}" in str(error.value)


def test_a_short_text_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"404: Not Found\n")
    with pytest.raises(ModelLoadError, match=r"model\.pkl is a short text, not a model"):
        load(tmp_path, "regression")


def test_a_zip_archive_is_no_pickle(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 1), tmp_path / "model.pkl")
    with pytest.raises(ModelLoadError, match=r"zip archive, not a pickle: name it \.pth"):
        load(tmp_path, "regression")


def test_the_users_own_loading_is_told_as_well(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(POINTER)
    (tmp_path / "custom.py").write_text(
        "import os, pickle\n"
        "def load_model(code_dir):\n"
        "    with open(os.path.join(code_dir, 'model.pkl'), 'rb') as file:\n"
        "        return pickle.load(file)\n"
        "def score(data, model, **kwargs):\n    return data\n"
    )
    with pytest.raises(ModelLoadError) as error:
        load(tmp_path, "regression")
    assert "'load_model' hook failed to load the model" in str(error.value)
    assert "model.pkl is a Git LFS pointer" in str(error.value)


def _booster(folder: Path, forest: Any) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    booster = xgboost.train({}, xgboost.DMatrix(rows, rows["a"]), num_boost_round=20)
    for name in ("model.json", "model.ubj"):
        booster.save_model(folder / name)


def _lightgbm(folder: Path, forest: Any) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows = np.random.default_rng(0).normal(size=(60, 2))
    data = lightgbm.Dataset(rows, rows[:, 0])
    lightgbm.train({"verbose": -1}, data, num_boost_round=9).save_model(folder / "model.txt")


def _catboost(folder: Path, forest: Any) -> None:
    catboost = pytest.importorskip("catboost")
    rows = np.random.default_rng(0).normal(size=(60, 2))
    model = catboost.CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False)
    model.fit(rows, rows[:, 0]).save_model(str(folder / "model.cbm"))


def _torch(folder: Path, forest: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 1), folder / "model.pth")
    torch.jit.script(torch.nn.Linear(2, 1)).save(folder / "model.pt")


def _onnx(folder: Path, forest: Any) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = skl2onnx.to_onnx(forest, np.zeros((1, 2), dtype=np.float32))
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def _skops(folder: Path, forest: Any) -> None:
    pytest.importorskip("skops.io").dump(forest, folder / "model.skops")


def _sklearn(folder: Path, forest: Any) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(forest))
    joblib.dump(forest, folder / "model.joblib")


def _compressed(folder: Path, forest: Any) -> None:
    (folder / "model.pkl").write_bytes(gzip.compress(pickle.dumps(forest)))
    joblib.dump(forest, folder / "model.joblib", compress=3)


def _joblib(folder: Path, forest: Any) -> None:
    joblib.dump(forest, folder / "model.pkl")
    joblib.dump(forest, folder / "model.joblib", compress="xz")


@pytest.mark.parametrize(
    "save",
    [_booster, _lightgbm, _catboost, _torch, _onnx, _skops, _sklearn, _compressed, _joblib],
)
@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_file_that_is_cut_short_is_called_that(
    tmp_path: Path, forest: Any, save: Callable[[Path, Any], None], share: float
) -> None:
    """LightGBM would end the process: its file is looked at before."""
    whole = tmp_path / "whole"
    whole.mkdir()
    save(whole, forest)
    for path in whole.iterdir():
        content = path.read_bytes()
        folder = tmp_path / path.name
        folder.mkdir()
        (folder / path.name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ModelLoadError) as error:
            load(folder, "regression")
        text = str(error.value)
        assert f"{path.name} seems to be cut short or damaged (it has " in text
        assert "Stack trace" not in text
        assert "site-packages" not in text


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("save", [_lightgbm, _torch, _skops, _onnx, _sklearn, _compressed])
def test_a_whole_file_is_not_called_anything(
    tmp_path: Path, forest: Any, save: Callable[[Path, Any], None]
) -> None:
    save(tmp_path, forest)
    assert {path.name: what_instead(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        (path.name for path in tmp_path.iterdir()), None
    )
