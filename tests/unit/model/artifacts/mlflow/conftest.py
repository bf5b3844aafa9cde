"""Rows that every flavour is fitted on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.model.artifacts.mlflow.saved import LABELS, NAMES


@pytest.fixture(autouse=True)
def import_path() -> Iterator[None]:
    """Folders with code leave it on the path; the next test shall not find it."""
    before = sys.path[:]
    yield
    sys.path[:] = before


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(7).normal(size=(150, 3)), columns=NAMES)


@pytest.fixture(scope="module")
def target(rows: pd.DataFrame) -> pd.Series[float]:
    return 3 * rows["a"] + rows["b"] - 2 * rows["c"] + np.sin(5 * rows["a"])


@pytest.fixture(scope="module")
def classes(target: pd.Series[float]) -> Any:
    return np.array(LABELS)[pd.cut(target, 3, labels=False)]
