"""What scikit-learn's models, and those that behave like them, remember of their columns."""

from __future__ import annotations

from typing import Any

from datarobot_drum.drum.model.columns import UNKNOWN, InputColumns


def sklearn_columns(model: Any) -> InputColumns:
    """Of a fitted estimator, pipeline or search."""
    names = getattr(model, "feature_names_in_", None)
    return UNKNOWN if names is None else InputColumns(tuple(map(str, names)))
