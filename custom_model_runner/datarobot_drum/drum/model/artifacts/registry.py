"""Every framework, in the order in which they are asked; loading and recognising a model."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.knobs.predicting import ArtifactSettings
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Reader, SavedModel, bare
from datarobot_drum.drum.model.artifacts.boosters.catboost import CatBoostReader
from datarobot_drum.drum.model.artifacts.boosters.lightgbm import LightGBMReader
from datarobot_drum.drum.model.artifacts.boosters.xgboost import XGBoostReader
from datarobot_drum.drum.model.artifacts.mlflow import MLflowReader
from datarobot_drum.drum.model.artifacts.networks.keras import KerasReader
from datarobot_drum.drum.model.artifacts.networks.onnx import OnnxReader
from datarobot_drum.drum.model.artifacts.networks.torch import TorchReader
from datarobot_drum.drum.model.artifacts.sklearn import LookalikeReader, SklearnReader
from datarobot_drum.drum.model.artifacts.skops import SkopsReader
from datarobot_drum.drum.model.folder import (
    ADDED_ARTIFACTS,
    PYTHON_ARTIFACTS,
    not_counted,
    python_artifacts,
    retrieved_files,
    uncounted_files,
)
from datarobot_drum.drum.model.hooks import LOADING_FAILED, PYTHON_ENVIRONMENT, put_first
from datarobot_drum.drum.model.mistaken import cannot_read, reading
from datarobot_drum.drum.model.predictor import ClassLabels
from datarobot_drum.drum.utils.others_code import failing_as


def readers(settings: ArtifactSettings) -> tuple[Reader, ...]:
    """The first that recognises an object predicts with it; the last takes nearly everything."""
    return (
        KerasReader(),
        XGBoostReader(),
        TorchReader(),
        CatBoostReader(),
        SklearnReader(),
        SkopsReader(),
        OnnxReader(),
        LightGBMReader(),
        MLflowReader(settings.mlflow_trusted_types, settings.files_outside),
        LookalikeReader(),
    )


# For models that are loaded already.
READERS: Final = readers(ArtifactSettings())


def load_artifact(code_dir: str, settings: ArtifactSettings, instead: str = "") -> Any:
    """Load the one artifact at the top level of the folder, whose modules it may need.

    Args:
        instead: what is told where there is none: what would do without.

    Raises:
        ModelLoadError: there is none, there are several, it is broken, or its framework is
            not installed.
    """
    path = _only_artifact(code_dir, instead)
    reader = next(reader for reader in readers(settings) if _kind(path) in reader.extensions)
    if os.path.abspath(code_dir) not in sys.path:  # else custom.py's own folder goes first
        put_first(code_dir)
    with failing_as(partial(_load_error, path)), reading(path):
        return reader.load(path)


def find_reader(model: Any) -> Reader | None:
    """The framework that can predict with ``model``."""
    return next((reader for reader in READERS if reader.recognises(model)), None)


def adapted(
    loaded: Any, target_type: TargetType, labels: ClassLabels | None
) -> tuple[ArtifactModel, str] | None:
    """A loaded model, ready to predict, and its framework; None when no framework knows it."""
    model = bare(loaded)
    reader = find_reader(model)
    if reader is None:
        return None
    result = reader.adapt(model, target_type, labels)
    if isinstance(loaded, SavedModel):
        result = loaded.around(result, target_type)
    return result, reader.framework


def _kind(path: Path) -> str:
    return path.suffix.lower() or path.name


def _only_artifact(code_dir: str, instead: str) -> Path:
    paths = python_artifacts(code_dir)
    prefix = f"{LOADING_FAILED}{PYTHON_ENVIRONMENT}"
    files = f"List of retrieved files are: {retrieved_files(code_dir)}"
    if not paths:
        raise ModelLoadError(
            f"{prefix}Could not find model artifact file in: {code_dir} supported by default "
            "predictors.\nThey support filenames with the following extensions "
            f"{sorted(PYTHON_ARTIFACTS + ADDED_ARTIFACTS)}.\nIf your artifact is not supported by "
            "default predictor, implement custom.load_model() hook.\n"
            f"{not_counted(uncounted_files(code_dir))}{files}{instead}"
        )
    if len(paths) > 1:
        raise ModelLoadError(
            f"{prefix}Multiple serialized model files found. Remove extra artifacts or overwrite "
            f"custom.load_model()\n{files}"
        )
    return paths[0]


def _load_error(path: Path, exc: BaseException) -> ModelLoadError:
    if isinstance(exc, ModelLoadError):
        return ModelLoadError(f"{LOADING_FAILED}{exc}")
    if isinstance(exc, ModuleNotFoundError):
        return ModelLoadError(LOADING_FAILED + _missing_module(path, exc))
    return ModelLoadError(LOADING_FAILED + _broken(path, exc))


def _broken(path: Path, exc: BaseException) -> str:
    text = cannot_read(exc)
    if isinstance(exc, AttributeError) and "__main__'" in str(exc):
        text += (
            f"\n{path.name} was saved by a script or notebook that defines this name itself: move"
            " it into a module of the model folder, import it from there, and save the model again."
        )
    return text


def _missing_module(path: Path, exc: ModuleNotFoundError) -> str:
    root = (exc.name or "").partition(".")[0]
    reader = next((reader for reader in READERS if root in reader.modules), None)
    if reader is None:
        return (
            f"{cannot_read(exc)}\n"
            f"{path.name} needs the module '{root}': install it, or put it into the model folder."
        )
    return (
        "\n    The following frameworks support this model artifact\n"
        "    but could not load the model. Check if requirements are missing\n"
        f"Framework: {reader.framework}, requirements: {reader.package.split()}\n"
        f"{path.name} needs {reader.framework}: pip install {reader.package}"
    )
