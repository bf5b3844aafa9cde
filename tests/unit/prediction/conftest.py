"""Services that the tests of several rooms ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.gated import gated_service


@pytest.fixture
def service() -> Iterator[PredictionService]:
    service, model = gated_service()
    model.gate.set()
    yield service
    service.close()
