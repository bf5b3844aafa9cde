"""How long predictions took."""

from __future__ import annotations

import pytest

from datarobot_drum.drum.prediction.figures.stats import TimingWindow


def test_timing_since_the_last_look() -> None:
    window = TimingWindow()
    for seconds in (0.25, 0.5, 0.75):
        window.add(seconds)
    assert window.take() == {"avg": 0.5, "max": 0.75, "min": 0.25, "total": 1.5}
    window.add(2)
    assert window.take() == {"avg": 2, "max": 2, "min": 2, "total": 2}


def test_nothing_since_the_last_look() -> None:
    assert TimingWindow().take() == {"avg": None, "max": None, "min": None, "total": None}


@pytest.mark.parametrize("seconds", [0.0004, 0.0])
def test_times_have_three_decimals(seconds: float) -> None:
    window = TimingWindow()
    window.add(seconds)
    assert set(window.take().values()) == {0.0}
