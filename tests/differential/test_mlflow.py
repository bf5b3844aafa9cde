"""MLflow against itself."""

from __future__ import annotations

import pytest

from tests.differential.mlflow_folders import MLFLOW, MLFLOW_FORMS
from tests.differential.subjects import cases
from tests.differential.suite import Differential

pytest.importorskip("mlflow")


class TestMLflow(Differential):
    CASES = cases("mlflow", MLFLOW, MLFLOW_FORMS)
