"""A service is warmed up with made rows before its first request, and no user's code is called."""

from __future__ import annotations

import warnings
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.model.local import LocalPredictor
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.folders import ROWS, load, predict, write_folder

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


def warmed_up(predictor: Any) -> PredictionService:
    service = PredictionService(predictor, ServiceSettings())
    service.warm_up()
    service.close()
    return service


def test_made_rows_are_read_and_written(tmp_path: Path, seen: list[str]) -> None:
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    warmed_up(predictor)
    assert seen[:8] == ["decode", "encode"] * 4
    assert {*seen[8:]} == {"decode"}


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [1, 1, 30, 1000]), (1.0, [1, 1])])
def test_a_frameworks_model_predicts_rows_while_they_cost_little_and_they_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[int]
) -> None:
    clock = count(0.0, seconds)
    monkeypatch.setattr(
        "datarobot_drum.drum.prediction.warm_up.time.perf_counter", lambda: next(clock)
    )
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    rows: list[int] = []
    original = LocalPredictor.predict

    def spied(self: Any, frame: Any, source: Any) -> Any:
        rows.append(len(frame))
        return original(self, frame, source)

    monkeypatch.setattr(LocalPredictor, "predict", spied)
    service = warmed_up(predictor)
    assert rows == expected
    assert b"\ndrum_rows_total 0.0\n" in service.metrics.text({})


def test_what_a_library_thinks_of_made_rows_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning that is told once would be missing where a client's rows are odd."""
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    original = LocalPredictor.predict

    def doubtful(self: Any, frame: Any, source: Any) -> Any:
        warnings.warn("odd rows", stacklevel=1)
        return original(self, frame, source)

    monkeypatch.setattr(LocalPredictor, "predict", doubtful)
    warmed_up(predictor)
    with pytest.warns(UserWarning, match="odd rows"):
        predict(predictor)


def test_a_model_that_refuses_made_rows_still_starts(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, model_pkl=LinearRegression().fit(ROWS, [1.0, 2.0, 3.0]))
    predictor = load(folder, "binary")  # no probabilities come of it
    with pytest.raises(ModelError):
        predict(predictor)
    warmed_up(predictor)


def test_no_hook_is_called(tmp_path: Path, seen: list[str]) -> None:
    predictor = load(write_folder(tmp_path, NOISY), "regression")
    warmed_up(predictor)
    assert seen == []


def test_a_folder_that_only_fails_with_requests_still_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise ValueError("odd")

    monkeypatch.setattr(ModelAnswers, "decode", fail)
    model = LinearRegression().fit(ROWS, [1.0, 2.0, 3.0])
    predictor = load(write_folder(tmp_path, model_pkl=model), "regression")
    warmed_up(predictor)
