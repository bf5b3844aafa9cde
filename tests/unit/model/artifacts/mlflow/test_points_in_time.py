"""Columns that are ``datetime`` by the signature, of a framework's own flavour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from datarobot_drum.drum.exceptions import ColumnsError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.mlflow.saved import by_mlflow, save, signature

pytest.importorskip("mlflow.pyfunc")

TEXTS = ["2024-01-01", "2024-02-03T10:00:00", "2024-05-06 07:08:09", "2025-01-02"]


def days(rows: pd.DataFrame) -> pd.DataFrame:
    since = rows["when"] - pd.Timestamp("2023-01-01")
    return pd.DataFrame({"days": since.dt.total_seconds() / 86400, "size": rows["size"]})


@pytest.fixture
def rows() -> pd.DataFrame:
    moments = pd.to_datetime(pd.Series(TEXTS), format="ISO8601")
    return pd.DataFrame({"when": moments, "size": [1.0, 2.0, 5.0, 3.0]})


@pytest.fixture
def folder(tmp_path: Path, rows: pd.DataFrame) -> Path:
    model = make_pipeline(FunctionTransformer(days), LinearRegression())
    model.fit(rows, [3.0, 1.0, 4.0, 1.5])
    options = {"serialization_format": "pickle", "signature": signature(rows, None)}
    return save("sklearn", model, tmp_path / "saved", **options)


def test_text_becomes_what_mlflow_hands_to_the_model(folder: Path, rows: pd.DataFrame) -> None:
    served = load(folder, "regression")
    wanted = np.asarray(by_mlflow(folder, rows)).reshape(-1)
    assert np.array_equal(predict(served, rows).values[:, 0], wanted)
    sent = rows.assign(when=TEXTS)
    assert np.array_equal(predict(served, sent).values[:, 0], wanted)
    one = sent.iloc[[2]].reset_index(drop=True)[["size", "when"]]
    assert np.allclose(predict(served, one).values[:, 0], wanted[[2]], 1e-12)


@pytest.mark.parametrize("value", ["01/02/2024", "soon", 7, "2024-01-01T00:00:00Z"])
def test_what_is_no_point_in_time_is_refused(folder: Path, rows: pd.DataFrame, value: Any) -> None:
    sent = rows.head(2).assign(when=[TEXTS[0], value])
    with pytest.raises(ColumnsError, match=r"Column 'when' holds .* in row 2, but by the signa"):
        predict(load(folder, "regression"), sent)
