"""What the hand-written servers share: the artifact, and predictions as plain Python values."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

METHOD = os.environ["BENCH_METHOD"]


def load() -> Any:
    with Path(os.environ["BENCH_ARTIFACT"]).open("rb") as file:
        return pickle.load(file)


def answer(model: Any, frame: Any) -> Any:
    """One number a row, or for classes one object of label and probability a row."""
    if METHOD == "predict":
        return model.predict(frame).tolist()
    labels = [str(label) for label in model.classes_]
    return [dict(zip(labels, row, strict=True)) for row in model.predict_proba(frame).tolist()]
