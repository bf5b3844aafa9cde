"""What boosted trees remember of the columns that they were fitted on."""

from __future__ import annotations

import re
from typing import Any, Final

from datarobot_drum.drum.model.columns import InputColumns

_GENERATED_BY_LIGHTGBM: Final = re.compile(r"Column_\d+")


def xgboost_columns(booster: Any) -> InputColumns:
    """Of an XGBoost ``Booster``."""
    names = booster.feature_names
    if not names:
        return InputColumns(count=booster.num_features())
    return InputColumns(tuple(names))


def lightgbm_columns(booster: Any) -> InputColumns:
    """Of a LightGBM ``Booster``, which writes underscores for the blanks in a name."""
    names = tuple(booster.feature_name())
    generated = all(map(_GENERATED_BY_LIGHTGBM.fullmatch, names))
    return InputColumns(names, generated=generated, blanks_as_underscores=True)


def catboost_columns(model: Any) -> InputColumns:
    """Of a CatBoost model; columns without names are called 0, 1, 2 …"""
    names = tuple(model.feature_names_ or ())
    if not names:
        return InputColumns()
    return InputColumns(names, generated=names == tuple(map(str, range(len(names)))))
