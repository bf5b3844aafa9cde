"""Rows that boosted trees are fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.model.artifacts.boosters.fitted import ROWS


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(7)
    values = random.normal(size=(ROWS, 3)).round(3)
    frame = pd.DataFrame(values, columns=["age", "sepal length", "height"])
    frame.iloc[::9, 1] = np.nan
    return frame


@pytest.fixture(scope="module")
def target(rows: pd.DataFrame) -> Any:
    return (3 * rows["age"] + rows["sepal length"].fillna(5) - 2 * rows["height"]).to_numpy()


@pytest.fixture(scope="module")
def mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, and categories that are text, numbers, truth values, and in an order."""
    random = np.random.default_rng(8)
    size = pd.Categorical(
        random.choice(["S", "M", "L"], ROWS), categories=["S", "M", "L"], ordered=True
    )
    return pd.DataFrame(
        {
            "size": size,
            "weight": rows["age"],
            "code": pd.Categorical(random.choice(["12", "07", "A1"], ROWS)),
            "count": random.integers(0, 9, ROWS),
            "zone": pd.Categorical(random.choice([30, 7, 1], ROWS), categories=[30, 1, 7]),
        }
    )


@pytest.fixture(scope="module")
def mixed_target(mixed: pd.DataFrame) -> Any:
    of_code = mixed["code"].astype(object).map({"12": 1, "07": 50, "A1": 9}).astype(float)
    of_zone = mixed["zone"].astype(int) % 11
    return (mixed["weight"] + of_code + of_zone + 20 * mixed["size"].cat.codes).to_numpy()
