"""How long predictions took, as ``/stats/`` shows it."""

from __future__ import annotations

import threading
from collections.abc import Mapping


class TimingWindow:
    """Durations since the last look; reading resets it. Seconds, three decimals."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._count = 0
        self._total = 0.0
        self._low = float("inf")
        self._high = 0.0

    def add(self, seconds: float) -> None:
        with self._lock:
            self._count += 1
            self._total += seconds
            self._low = min(self._low, seconds)
            self._high = max(self._high, seconds)

    def take(self) -> Mapping[str, float | None]:
        with self._lock:
            if not self._count:
                return dict.fromkeys(("avg", "max", "min", "total"))
            figures = {
                "avg": round(self._total / self._count, 3),
                "max": round(self._high, 3),
                "min": round(self._low, 3),
                "total": round(self._total, 3),
            }
            self._reset()
            return figures
