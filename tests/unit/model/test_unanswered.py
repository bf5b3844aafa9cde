"""Networks make NaN of gaps: of classes that is the client's mistake, told by column and row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ColumnsError, ModelError
from datarobot_drum.drum.model.refusals import unanswered
from tests.unit.folders import load, predict, write_folder

LABELS = {"class_labels": ["z", "y", "x"]}
ROWS = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [1.0, 2.0, 3.0]})


@pytest.fixture
def network(tmp_path: Path) -> Any:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Softmax(1))
    torch.save(module.eval(), write_folder(tmp_path) / "model.pth")
    return load(tmp_path, "multiclass", **LABELS)


def test_a_gap_is_the_clients(network: Any) -> None:
    with pytest.raises(ColumnsError, match="Column 'b' has no value in row 2. The model makes NaN"):
        predict(network, ROWS.assign(b=[1.0, np.nan, 3.0]))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_so_is_a_number_that_a_float32_cannot_hold(network: Any) -> None:
    with pytest.raises(ColumnsError, match=r"Column 'a' holds 1e\+300 in row 3, which is too lar"):
        predict(network, ROWS.assign(a=[0.1, 0.2, 1e300]))


def test_nan_of_a_row_without_a_gap_is_the_models() -> None:
    values = np.array([[np.nan, 0.5], [0.5, 0.5]])
    gaps = pd.DataFrame({"a": [1.0, np.nan]})
    assert unanswered(values, gaps) is None
    assert unanswered(values[::-1], gaps) is not None
    assert unanswered(np.array([[0.5], [np.nan]]), ROWS) is None


def test_other_faults_stay_the_models(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 3).eval(), write_folder(tmp_path) / "model.pth")
    with pytest.raises(ModelError, match="probabilities"):
        predict(load(tmp_path, "multiclass", **LABELS), ROWS.assign(b=[100.0, 200.0, -300.0]))
