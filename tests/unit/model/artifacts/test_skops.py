"""skops files: scikit-learn without a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import ModelLoadError
from tests.unit.folders import load, predict
from tests.unit.model.artifacts.test_sklearn import Doubler


def test_skops_file_loads_as_scikit_learn(tmp_path: Path, diabetes: Any) -> None:
    skops_io = pytest.importorskip("skops.io")
    model = LinearRegression().fit(*diabetes)
    skops_io.dump(model, tmp_path / "model.skops")
    predictor = load(tmp_path, "regression")
    np.testing.assert_allclose(
        predict(predictor, diabetes[0]).values[:, 0], model.predict(diabetes[0])
    )
    assert predictor.info.framework == "scikit-learn"


def test_skops_file_with_untrusted_types_is_refused_by_name(tmp_path: Path) -> None:
    skops_io = pytest.importorskip("skops.io")
    skops_io.dump(Doubler(), tmp_path / "model.skops")
    with pytest.raises(
        ModelLoadError, match=r"model\.skops holds types that are not trusted.*Doub"
    ):
        load(tmp_path, "regression")
