"""A service reads and writes made rows before its first request, and calls nobody's code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.folders import ROWS, load, write_folder

NOISY = """
    def read_input_data(data):
        raise SystemExit("read")

    def transform(data, model):
        raise SystemExit("transformed")

    def score(data, model, **kwargs):
        raise SystemExit("scored")
"""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is decoded and encoded."""
    calls: list[str] = []
    for name in ("decode", "encode"):
        method = getattr(ModelAnswers, name)

        def spied(self: Any, *args: Any, name: str = name, method: Any = method) -> Any:
            calls.append(name)
            return method(self, *args)

        monkeypatch.setattr(ModelAnswers, name, spied)
    return calls


def test_made_rows_are_read_and_written(tmp_path: Path, seen: list[str]) -> None:
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    PredictionService(predictor, ServiceSettings()).close()
    assert seen == ["decode", "encode"] * 2


def test_no_hook_is_called(tmp_path: Path, seen: list[str]) -> None:
    predictor = load(write_folder(tmp_path, NOISY), "regression")
    PredictionService(predictor, ServiceSettings()).close()
    assert seen == []


def test_a_folder_that_only_fails_with_requests_still_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise ValueError("odd")

    monkeypatch.setattr(ModelAnswers, "decode", fail)
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    PredictionService(predictor, ServiceSettings()).close()
