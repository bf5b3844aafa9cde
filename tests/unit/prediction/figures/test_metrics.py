"""What ``/metrics`` shows, in one process and over several."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from datarobot_drum.drum.prediction.figures.metrics import Metrics, RejectReason
from datarobot_drum.drum.prediction.figures.shared_counters import SharedCounters
from datarobot_drum.drum.prediction.figures.shared_directory import (
    DIRECTORY_VARIABLE,
    shared_directory,
)
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.prediction.service import PredictionService
from tests.unit.prediction.gated import REQUEST, gated_service

FORK = multiprocessing.get_context("fork")


def test_a_process_that_forks_while_a_thread_reads_the_figures_counts_on() -> None:
    counters = SharedCounters(None)
    counters.add((counters.slot("a"), 1.0))
    # As a thread holds it that exists in the parent only.
    with memoryview(counters._memory):
        counters.reopen()
    counters.add((counters.slot("a"), 2.0))
    assert counters.totals() == {"a": 2.0}


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels, read as Prometheus reads it."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def shown(service: PredictionService) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = service.answer(Operation.METRICS, PredictRequest(method="GET"))
    assert answer.status == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert isinstance(answer.body, bytes)
    return samples(answer.body)


def test_rows_and_model_time_are_counted(service: PredictionService) -> None:
    assert service.answer(Operation.PREDICT, REQUEST).status == 200
    found = shown(service)
    assert found["drum_rows_total", ()] == 2
    assert found["drum_model_duration_seconds_count", ()] == 1
    assert found["drum_model_duration_seconds_sum", ()] > 0
    assert found["drum_executor_workers_busy", ()] == 0
    assert found["drum_memory_bytes", (("type", "rss"),)] > 1e6


def test_a_failed_call_is_counted_without_rows() -> None:
    service, model = gated_service()
    model.error = ValueError("no")
    model.gate.set()
    assert service.answer(Operation.PREDICT, REQUEST).status == 500
    found = shown(service)
    assert found["drum_rows_total", ()] == 0
    assert found["drum_model_duration_seconds_count", ()] == 1
    service.close()


def test_the_model_is_named(service: PredictionService) -> None:
    (labels,) = (dict(labels) for name, labels in shown(service) if name == "drum_model_info")
    assert labels["model"] == "model"
    assert labels["target_type"] == "regression"
    assert labels["server"] == "flask"


def test_requests_fall_into_their_bucket() -> None:
    metrics = Metrics()
    for seconds, status in ((0.001, 200), (0.0011, 200), (400.0, HTTPStatus.OK)):
        metrics.request("POST", "/predict/", status, seconds)
    # Labels are numbers, however the first answer spelled its status.
    metrics.request("GET", "/ping/", HTTPStatus.OK, 0.1)
    found = samples(metrics.text({}))
    labels = (("endpoint", "/predict/"), ("method", "POST"), ("status", "200"))
    assert found["drum_requests_total", labels] == 3
    assert found["drum_requests_total", (("endpoint", "/ping/"), ("method", "GET"), labels[2])] == 1

    def up_to(bound: str) -> float:
        key = (("endpoint", "/predict/"), ("le", bound))
        return found["drum_request_duration_seconds_bucket", key]

    assert [up_to(bound) for bound in ("0.001", "0.0025", "300.0", "+Inf")] == [1, 2, 2, 3]
    endpoint = (("endpoint", "/predict/"),)
    assert found["drum_request_duration_seconds_count", endpoint] == 3
    assert found["drum_request_duration_seconds_sum", endpoint] == pytest.approx(400.0021)


def test_calls_of_a_model_are_told_apart_from_50_microseconds_on() -> None:
    metrics = Metrics()
    for seconds in (0.00004, 0.00006, 0.0002, 0.0004, 0.0009, 400.0):
        metrics.model_call(seconds, 1)
    found = samples(metrics.text({}))

    def up_to(bound: float) -> float:
        name = "drum_model_duration_seconds_bucket"
        (key,) = (k for k in found if k[0] == name and float(dict(k[1])["le"]) == bound)
        return found[key]

    assert [up_to(bound) for bound in (0.00005, 0.0001, 0.00025, 0.0005, 0.001)] == [1, 2, 3, 4, 5]
    assert up_to(300) == 5
    assert found["drum_model_duration_seconds_count", ()] == 6
    assert found["drum_model_duration_seconds_sum", ()] == pytest.approx(400.00160)


def test_labels_that_clients_and_hooks_choose_stay_few() -> None:
    metrics = Metrics()
    for number in range(300):
        metrics.request(f"METHOD{number}", "other", 404, 0.1)
        metrics.request("POST", "/predict/", 600 + number, 0.1)
    names = [key for key in samples(metrics.text({})) if key[0] == "drum_requests_total"]
    assert {dict(labels)["method"] for _, labels in names} == {"other", "POST"}
    assert {dict(labels)["status"] for _, labels in names} == {"404", "6xx", "7xx", "8xx"}


def test_processes_add_up_and_the_dead_leave_their_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    metrics = Metrics()
    metrics.rejected(RejectReason.QUEUE_FULL)
    ready, leave = FORK.Event(), FORK.Event()

    def live() -> None:
        metrics.rejected(RejectReason.QUEUE_FULL)
        metrics.levels(3, 2, 1)
        ready.set()
        leave.wait(30)
        os._exit(0)

    worker = FORK.Process(target=live)
    worker.start()
    assert ready.wait(30)
    figures = metrics.executor_figures()
    assert (figures["queue_full"], figures["queue_depth"], figures["workers_busy"]) == (2, 2, 1)
    leave.set()
    worker.join()
    for _ in range(2):
        figures = metrics.executor_figures()
        assert (figures["queue_full"], figures["queue_depth"]) == (2, 0)
    assert len(list(tmp_path.glob("*.counters"))) == 1
    metrics.close()


def test_metrics_of_user_code_are_shown_for_all_workers(tmp_path: Path) -> None:
    script = """
import os, sys
from prometheus_client import Counter
from datarobot_drum.drum.prediction.figures.metrics import Metrics
mine = Counter("mine", "A hook's own.")
metrics = Metrics()
mine.inc()
if os.fork() == 0:
    mine.inc()
    os._exit(0)
os.wait()
sys.stdout.write(metrics.text({}).decode())
"""
    environment = {**os.environ, DIRECTORY_VARIABLE: str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True
    )
    assert samples(done.stdout)["mine_total", ()] == 2, done.stderr


def test_the_directory_goes_with_the_process_that_made_it() -> None:
    with shared_directory() as directory:
        assert os.environ[DIRECTORY_VARIABLE] == directory
        child = FORK.Process(target=sys.exit)
        child.start()
        child.join()
        assert os.path.isdir(directory)
    assert not os.path.exists(directory)
    assert DIRECTORY_VARIABLE not in os.environ


def test_a_directory_that_was_given_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = tmp_path / "metrics"
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(given))
    with shared_directory() as directory:
        counters = SharedCounters(directory)
        counters.add((counters.slot("a"), 1.0))
        counters.close()
    assert given.is_dir()
    with shared_directory() as directory:
        assert SharedCounters(directory).totals() == {}


def test_counting_loads_no_prometheus_client() -> None:
    script = (
        "import sys; from datarobot_drum.drum.prediction.figures.metrics import Metrics;"
        " Metrics().model_call(1, 1);"
        " assert 'prometheus_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_directory_that_is_gone_is_shared_with_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    with contextlib.closing(Metrics()) as metrics:
        metrics.rejected(RejectReason.QUEUE_FULL)
        assert b"drum_rejected_requests_total" in metrics.text({})
