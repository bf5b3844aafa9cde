"""What it takes to answer the status routes, whatever the model is doing."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datarobot_drum.drum.prediction.figures import usage
from datarobot_drum.drum.prediction.figures.metrics import Metrics
from datarobot_drum.drum.prediction.figures.shared_directory import DIRECTORY_VARIABLE
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.figures.steps import asked
from tests.unit.prediction.gated import gated_service

FORK = multiprocessing.get_context("fork")
# The first of them looks at the processes, the machine, the container and the figures.
A_HANDFUL = 15
STATUS = [
    *(Operation.PING, Operation.HEALTH, Operation.LIVEZ, Operation.READYZ, Operation.INFO),
    *(Operation.CAPABILITIES, Operation.STATS, Operation.METRICS),
    *(Operation.V2_SERVER, Operation.V2_LIVE, Operation.V2_READY),
]


def asks(service: PredictionService, operation: Operation) -> int:
    def ask() -> None:
        assert service.answer(operation, PredictRequest(method="GET")).status == 200

    return asked(ask)


@pytest.mark.parametrize("operation", STATUS)
def test_a_status_route_asks_the_system_little(
    service: PredictionService, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without what other tests have left running.
    monkeypatch.setattr(usage, "_children", lambda _pid: [])
    asks(service, Operation.METRICS)
    other, _ = gated_service()
    looks = operation in (Operation.STATS, Operation.METRICS)
    assert asks(other, operation) <= (A_HANDFUL if looks else 0)
    other.close()


def test_the_first_look_at_the_figures_imports_nothing() -> None:
    script = """
import sys
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from tests.unit.prediction.gated import gated_service
service, model = gated_service()
model.gate.set()
assert "prometheus_client" not in sys.modules
service.warm_up()
known = set(sys.modules)
for operation in (Operation.STATS, Operation.METRICS):
    assert service.answer(operation, PredictRequest(method="GET")).status == 200
assert set(sys.modules) == known, set(sys.modules) - known
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[4])


def test_a_worker_more_costs_the_figures_one_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    metrics = Metrics()
    leave = FORK.Event()
    workers = [FORK.Process(target=leave.wait, args=(60,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        while len(list(tmp_path.glob("*.counters"))) <= len(workers):
            time.sleep(0.01)
        metrics.executor_figures()
        # As if the last worker had come a while ago.
        os.utime(tmp_path, (time.time() - 60, time.time() - 60))
        metrics.executor_figures()
        assert asked(metrics.executor_figures) <= len(workers)
    finally:
        leave.set()
        for worker in workers:
            worker.join()
        metrics.close()
