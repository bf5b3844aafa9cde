"""scikit-learn against itself."""

from __future__ import annotations

from tests.differential.sklearn_models import CASES
from tests.differential.suite import Differential


class TestSklearn(Differential):
    CASES = CASES
