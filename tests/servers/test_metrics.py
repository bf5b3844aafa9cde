"""``/metrics`` of real servers: one truth, whichever worker is asked."""

from __future__ import annotations

import contextlib
import signal
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.harness import SERVER_TYPES, Server, running_server

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")


def value(server: Server, name: str, /, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    status, text = server.get("/metrics", timeout=30)
    assert status == 200
    samples = [
        sample
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(sample.value for sample in samples)


def predict(server: Server, row: str = "0") -> tuple[int, bytes]:
    return server.post("/predict/", f"a\n{row}\n".encode())


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_every_worker_tells_the_same_truth(code_dir: Path, server_type: str) -> None:
    params = {} if server_type == "flask" else {"CUSTOM_MODEL_WORKERS": 3}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        for _ in range(20):
            assert predict(server)[0] == 200
        assert server.get("/no/such/route")[0] == 404
        for _ in range(5):
            assert value(server, "drum_rows_total") == 20
            answered = {"method": "POST", "endpoint": "/predict/", "status": "200"}
            assert value(server, "drum_requests_total", **answered) == 20
            assert value(server, "drum_requests_total", endpoint="other", status="404") == 1
            assert value(server, "drum_model_duration_seconds_count") == 20
            assert value(server, "drum_model_info", server=server_type) == 1


@pytest.mark.parametrize("server_type", ["gunicorn", "fastapi"])
def test_a_dead_worker_leaves_its_counts_and_takes_its_levels(
    code_dir: Path, server_type: str
) -> None:
    params = {"CUSTOM_MODEL_WORKERS": 2}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        for _ in range(10):
            assert predict(server)[0] == 200
        # The hook ends its own process: nobody is left to count the request down.
        with contextlib.suppress(OSError):
            predict(server, "-1")
        for _ in range(10):
            with contextlib.suppress(OSError):
                server.get("/livez")
        assert value(server, "drum_rows_total") == 10
        assert value(server, "drum_predictions_in_progress") == 0
        assert value(server, "drum_executor_workers_busy") == 0


@pytest.mark.parametrize("server_type", ["gunicorn", "fastapi"])
def test_the_figures_directory_goes_with_the_server(
    code_dir: Path, tmp_path: Path, server_type: str
) -> None:
    params = {"CUSTOM_MODEL_WORKERS": 2}
    env = {"TMPDIR": str(tmp_path)}
    with running_server(code_dir, server_type, *REGRESSION, params=params, env=env) as server:
        assert predict(server)[0] == 200
        assert list(tmp_path.glob("drum-metrics-*/*.counters"))
        server.stop(signal.SIGTERM)
    assert not list(tmp_path.glob("drum-metrics-*"))


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_the_log_names_the_request(code_dir: Path, server_type: str) -> None:
    params = {"DRUM_JSON_LOGGING": True}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        headers = {"Content-Type": "text/csv", "X-Request-Id": "the-request"}
        request = urllib.request.Request(server.url + "/predict/", b"a\nx\n", headers)
        assert server.send(request)[0] == 500
        server.stop()
        lines = server.stderr().splitlines()
        assert [line for line in lines if '"level": "ERROR"' in line and "the-request" in line]
        if server_type != "flask":
            access = [line for line in server.stdout().splitlines() if "/predict/" in line]
            assert len(access) == 1
            assert '"request_id": "the-request"' in access[0]
