"""Boosted trees for tests: fit some, save them, and read rows as clients send them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROWS = 240
WORDS = ("mid", "low", "high")
KINDS = ("xgboost", "lightgbm", "catboost")
FILES = {"xgboost": ("json", "ubj"), "lightgbm": ("txt",), "catboost": ("cbm",)}
FORMS = [(kind, form) for kind in KINDS for form in ("pkl", "joblib", *FILES[kind])]
QUIET = {"verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
SILENT = {"iterations": 8, "verbose": False, "allow_writing_files": False, "thread_count": 1}


def regressor(kind: str, **options: Any) -> Any:
    library = pytest.importorskip(kind)
    if kind == "xgboost":
        return library.XGBRegressor(n_estimators=8, n_jobs=1, **options)
    if kind == "lightgbm":
        settings = {"n_estimators": 8, "n_jobs": 1, "verbose": -1, "min_child_samples": 5}
        return library.LGBMRegressor(**settings, **options)
    return library.CatBoostRegressor(**SILENT, **options)


def native(kind: str, estimator: Any) -> Any:
    """The framework's own object inside of what its scikit-learn interface fitted."""
    if kind == "xgboost":
        return estimator.get_booster()
    return estimator.booster_ if kind == "lightgbm" else estimator


def save(model: Any, folder: Path, form: str) -> Path:
    import joblib

    folder.mkdir(exist_ok=True)
    path = folder / f"model.{form}"
    if form == "pkl":
        path.write_bytes(pickle.dumps(model))
    elif form == "joblib":
        joblib.dump(model, path)
    else:
        model.save_model(str(path))
    return folder


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """As rows come from a client: no pandas categories, only values."""
    return pd.DataFrame({name: column.tolist() for name, column in frame.items()})


def fitted_on_categories(kind: str, mixed: pd.DataFrame, target: Any) -> Any:
    options = {"enable_categorical": True} if kind == "xgboost" else {}
    return regressor(kind, **options).fit(mixed, target)


def stopped_early(cls: Any, rows: pd.DataFrame, target: Any, **options: Any) -> Any:
    random = np.random.default_rng(3)
    noisy = target[:80] + random.normal(size=80) if target.dtype.kind == "f" else target[:80]
    model = cls(n_estimators=120, early_stopping_rounds=5, **options)
    return model.fit(rows, target, eval_set=[(rows[:80][::-1], noisy)], verbose=False)


def classifier(**options: Any) -> Any:
    catboost = pytest.importorskip("catboost")
    return catboost.CatBoostClassifier(**SILENT, **options)
