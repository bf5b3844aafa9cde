"""Folders that MLflow saved, of the flavours that it installs with here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.differential.boosters import (
    cat_numbers,
    lgbm_early,
    lgbm_regression,
    xgb_early,
    xgb_regression,
)
from tests.differential.data import numbers
from tests.differential.sklearn_models import SUBJECTS as SKLEARN
from tests.differential.subjects import Fit, Save, Subject


def flavour(name: str, **options: Any) -> Save:
    def save(subject: Subject, folder: Path) -> None:
        import importlib

        module = importlib.import_module(f"mlflow.{name}")
        saved = folder / "saved"
        module.save_model(subject.model, str(saved), pip_requirements=[], **options)
        for path in saved.iterdir():
            shutil.move(path, folder / path.name)
        saved.rmdir()

    return save


# MLflow refuses to write a file of types that the one who saves it does not name.
_TREES = ["numpy.dtype", "sklearn.tree._tree.Tree"]
MLFLOW: dict[str, Fit] = {
    "sklearn": SKLEARN["one-hot boosted"],
    "sklearn grades": SKLEARN["grades"],
    "lightgbm": lgbm_regression(numbers),
    "lightgbm early": lgbm_early,
    "xgboost": xgb_regression(numbers),
    "xgboost early": xgb_early,
    "catboost": cat_numbers,
}
MLFLOW_FORMS: dict[str, dict[str, Save]] = {
    "": {},
    "sklearn": {
        "default": flavour("sklearn", skops_trusted_types=_TREES),
        "cloudpickle": flavour("sklearn", serialization_format="cloudpickle"),
    },
    "sklearn grades": {"pickle": flavour("sklearn", serialization_format="pickle")},
    "lightgbm": {"default": flavour("lightgbm")},
    "lightgbm early": {"default": flavour("lightgbm")},
    "xgboost": {"default": flavour("xgboost"), "json": flavour("xgboost", model_format="json")},
    "xgboost early": {"default": flavour("xgboost")},
    "catboost": {"default": flavour("catboost")},
}
