"""Traces, metrics and logs as a real OTLP receiver gets them, from every server."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from datarobot_drum import __version__
from tests.servers.harness import SERVER_TYPES, Server, eventually, running_server
from tests.servers.otlp import Receiver, attributes, receiver

pytestmark = pytest.mark.servers

SEVERAL = ("gunicorn", "fastapi")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
# Routes by the names of their spans.
NAMED = {
    "drum.invocations": {"/predict/"},
    "drum.chat.completions": {"/v1/chat/completions"},
}

CUSTOM = """
import sys

import pandas as pd


class Message:
    content = "fine, thanks"


class Choice:
    message = Message()
    index = 0


class Completion:
    object = "chat.completion"
    choices = [Choice()]

    def to_dict(self):
        message = {"role": "assistant", "content": Message.content}
        choices = [{"index": 0, "message": message}]
        return {"object": self.object, "model": "m-1", "choices": choices}


class Delta:
    def __init__(self, content):
        self.content = content


class ChunkChoice:
    index = 0

    def __init__(self, content):
        self.delta = Delta(content)


class ChatCompletionChunk:
    model = "m-2"

    def __init__(self, content):
        self.choices = [ChunkChoice(content)]

    def to_json(self, indent=None):
        return "{}"


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    if "fail" in data.columns:
        raise ValueError("it holds tell-nobody")
    if "modules" in data.columns:
        found = [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]
        return pd.DataFrame({"answer": [f"modules: {' '.join(found)}"] * len(data)})
    return pd.DataFrame({"answer": ["yes"] * len(data)})


def chat(params, model):
    if params.get("stream"):
        return (ChatCompletionChunk(text) for text in ("fine", ", ", "thanks"))
    return Completion()
"""


@pytest.fixture
def code_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "custom.py").write_text(CUSTOM)
    return folder


def ask(server: Server, path: str, body: bytes, content_type: str) -> int:
    headers = {
        "Content-Type": content_type,
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "X-Request-Id": "the-request",
        "X-DataRobot-Consumer-Id": "42",
        "X-DataRobot-Consumer-Type": "user",
    }
    request = urllib.request.Request(server.url + path, body, headers)
    status, _ = server.send(request, timeout=30)
    return status


def converse(code_dir: Path, server_type: str, inbox: Receiver, **params: object) -> None:
    """One request of each kind; when this returns the server has exported all and ended."""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=blue",
        "TARGET_NAME": "answer",
    }
    options = ("--target-type", "textgeneration")
    with running_server(
        code_dir,
        server_type,
        *options,
        env=env,
        params={"AUTH_SECRET": "tell-nobody"} | params,
    ) as server:
        assert ask(server, "/predict/", b"a\n1\n", "text/csv") == 200
        assert ask(server, "/predict/", b"fail\n1\n", "text/csv") == 500
        chat = {"model": "m", "messages": [{"role": "user", "content": "how are you?"}]}
        for params in (chat, chat | {"stream": True}):
            body = json.dumps(params).encode()
            assert ask(server, "/v1/chat/completions", body, "application/json") == 200


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_requests_are_traced(code_dir: Path, server_type: str) -> None:
    with receiver() as inbox:
        converse(code_dir, server_type, inbox)
    assert {headers["x-tenant"] for _, headers, _ in inbox.received} == {"blue"}
    spans = {}
    for span in inbox.spans():
        spans.setdefault(span.name, []).append(span)
    assert {name: len(found) for name, found in spans.items()} == {
        "drum.invocations": 2,
        "drum.chat.completions": 2,
        "drum.chat.completions.stream": 1,
    }
    assert {span.trace_id.hex() for found in spans.values() for span in found} == {TRACE}
    for span in (*spans["drum.invocations"], *spans["drum.chat.completions"]):
        assert span.parent_span_id.hex() == PARENT
        found = attributes(span)
        assert found["drum.request_id"] == "the-request"
        assert found["gen_ai.request.consumer_id"] == "42"
        assert found["gen_ai.request.consumer_type"] == "user"
        assert found["drum.model.name"] == "model"
        assert found["drum.model.target_type"] == "textgeneration"
        assert found["drum.version"] == __version__
    routes = {name: {attributes(s)["http.route"] for s in spans[name]} for name in NAMED}
    assert routes == NAMED
    statuses = [attributes(s)["http.response.status_code"] for s in spans["drum.invocations"]]
    assert sorted(statuses) == [200, 500]
    failures = [attributes(s).get("error.type") for s in spans["drum.invocations"]]
    assert sorted(failures, key=str) == ["500", None]
    by_model = {attributes(s)["gen_ai.response.model"]: s for s in spans["drum.chat.completions"]}
    for model in ("m-1", "m-2"):
        found = attributes(by_model[model])
        assert found["gen_ai.request.model"] == "m"
        assert found["gen_ai.prompt"] == "how are you?"
        assert found["gen_ai.prompt.0.role"] == "user"
        assert found["gen_ai.prompt.0.content"] == "how are you?"
        assert json.loads(found["gen_ai.input.messages"])[0]["content"] == "how are you?"
        assert found["gen_ai.completion"] == "fine, thanks"
        assert found["gen_ai.completion.0.role"] == "assistant"
        assert json.loads(found["gen_ai.output.messages"]) == [
            {"role": "assistant", "content": "fine, thanks"}
        ]
    (stream,) = spans["drum.chat.completions.stream"]
    assert stream.parent_span_id == by_model["m-2"].span_id


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_metrics_and_logs_are_exported(code_dir: Path, server_type: str) -> None:
    with receiver() as inbox:
        converse(code_dir, server_type, inbox)
    metrics = {metric.name: metric for metric in inbox.metrics()}
    delta = 1
    assert metrics["drum.requests"].sum.aggregation_temporality == delta
    assert metrics["drum.request.duration"].histogram.aggregation_temporality == delta
    # A request is told apart from another one, and a call of the model as well.
    for name, least in (("drum.request.duration", 0.001), ("drum.model.duration", 0.00005)):
        (point, *_) = metrics[name].histogram.data_points
        assert point.explicit_bounds[0] == least
    counted = {
        (attributes(point)["http.route"], attributes(point)["http.response.status_code"]): (
            point.as_int
        )
        for point in metrics["drum.requests"].sum.data_points
    }
    assert counted["/predict/", 200] == 1
    assert counted["/v1/chat/completions", 200] == 2
    assert [point.as_int for point in metrics["drum.rows"].sum.data_points] == [1]
    (record,) = (record for record in inbox.logs() if record.severity_text == "ERROR")
    assert record.trace_id.hex() == TRACE
    assert attributes(record)["request_id"] == "the-request"
    assert "it holds *****" in record.body.string_value
    assert "tell-nobody" not in str(inbox.received)


@pytest.mark.parametrize("server_type", SEVERAL)
def test_several_workers_export_too(code_dir: Path, server_type: str) -> None:
    with receiver() as inbox:
        converse(code_dir, server_type, inbox, CUSTOM_MODEL_WORKERS=2)
    assert len(inbox.spans()) == 5
    rows = [metric for metric in inbox.metrics() if metric.name == "drum.rows"]
    assert sum(point.as_int for metric in rows for point in metric.sum.data_points) == 1


@pytest.mark.parametrize(
    ("server_type", "workers"), [("flask", 1), *((name, n) for name in SEVERAL for n in (1, 2))]
)
def test_neither_requests_nor_the_end_wait_for_the_collector(
    code_dir: Path, server_type: str, workers: int
) -> None:
    with receiver() as inbox:
        inbox.answers.clear()
        # Patience without end: whoever waits for the collector gets no answer at all.
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
        env["TARGET_NAME"] = "answer"
        options = ("--target-type", "textgeneration", "--max-workers", str(workers))
        with running_server(code_dir, server_type, *options, env=env) as server:
            try:
                eventually(lambda: workers == 1 or len(server.workers()) == workers)
                assert ask(server, "/predict/", b"a\n1\n", "text/csv") == 200
                assert ask(server, "/predict/", b"fail\n1\n", "text/csv") == 500
                status, log = server.stop(), server.stderr()
            finally:
                inbox.answers.set()
    assert status == 0
    # At least one has answered requests; each that has says so itself, instead of being killed.
    assert 1 <= log.count("what is left is not exported") <= workers
    assert "had to be killed" not in log


@pytest.mark.parametrize("server_type", SEVERAL)
def test_a_built_in_model_is_shared_while_its_workers_export(
    tmp_path: Path, server_type: str
) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    with receiver() as inbox:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url}
        options = ("--target-type", "regression", "--max-workers", "2")
        with running_server(tmp_path, server_type, *options, env=env) as server:
            eventually(lambda: len(server.workers()) == 2)
            in_master = "sklearn" in Path(f"/proc/{server.process.pid}/maps").read_text()
            statuses = [server.post("/predict/", b"a\n3\n")[0] for _ in range(16)]
            code = server.stop()
    assert in_master
    assert statuses == [200] * 16
    assert [span.name for span in inbox.spans()] == ["drum.invocations"] * 16
    rows = [metric for metric in inbox.metrics() if metric.name == "drum.rows"]
    assert sum(point.as_int for metric in rows for point in metric.sum.data_points) == 16
    assert code == 0


TRACING = """
import os

import pandas as pd
from opentelemetry import trace

tracer = trace.get_tracer("hooks")


def load_model(code_dir):
    with tracer.start_as_current_span("loading"):
        return "model"


def score(data, model, **kwargs):
    with tracer.start_as_current_span("scoring", attributes={"pid": os.getpid()}):
        return pd.DataFrame({"Predictions": [float(os.getpid())] * len(data)})
"""


@pytest.mark.parametrize(
    ("server_type", "preload"),
    [*((name, "auto") for name in SERVER_TYPES), *((name, "on") for name in SEVERAL)],
)
def test_hooks_trace_too(code_dir: Path, server_type: str, preload: str) -> None:
    (code_dir / "custom.py").write_text(TRACING)
    processes = 1 if server_type == "flask" else 2
    params = {"DRUM_PRELOAD_MODEL": preload, "CUSTOM_MODEL_WORKERS": processes}
    options = ("--target-type", "regression")
    seen: set[int] = set()
    with receiver() as inbox:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url}
        with running_server(code_dir, server_type, *options, env=env, params=params) as server:
            eventually(lambda: seen.add(predicting_process(server)) or len(seen) == processes)
            assert server.stop() == 0
    spans = inbox.spans()
    requests = {span.span_id for span in spans if span.name == "drum.invocations"}
    scoring = [span for span in spans if span.name == "scoring"]
    assert {span.parent_span_id for span in scoring} == requests
    assert {attributes(span)["pid"] for span in scoring} == seen
    # Where the model is loaded before the fork, nothing is exported yet.
    loaded = [span.name for span in spans].count("loading")
    assert loaded == (0 if preload == "on" else processes)


def predicting_process(server: Server) -> int:
    _, body = server.post("/predict/", b"a\n1\n")
    return int(json.loads(body)["predictions"][0])


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_what_was_traced_before_loading_failed_is_exported(
    code_dir: Path, server_type: str
) -> None:
    failing = TRACING.replace('return "model"', 'raise ValueError("the weights are missing")')
    (code_dir / "custom.py").write_text(failing)
    options = ("--target-type", "regression")
    with receiver() as inbox:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url}
        with running_server(code_dir, server_type, *options, env=env, wait=False) as server:
            assert server.wait() != 0
            assert server.stderr().count("the weights are missing") == 1
    assert [span.name for span in inbox.spans()] == ["loading"]


@pytest.mark.parametrize("endpoint_is_set", [False, True])
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_nothing_is_loaded_or_exported_when_off(
    code_dir: Path, server_type: str, endpoint_is_set: bool
) -> None:
    env = {"TARGET_NAME": "answer"}
    options = ("--target-type", "textgeneration")
    with receiver() as inbox:
        if endpoint_is_set:
            env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": inbox.url}
        params = {"OTEL_SDK_DISABLED": True} if endpoint_is_set else {}
        with running_server(code_dir, server_type, *options, env=env, params=params) as server:
            assert ask(server, "/predict/", b"fail\n1\n", "text/csv") == 500
            body = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
            assert ask(server, "/v1/chat/completions", body, "application/json") == 200
            status, answer = server.post("/predict/", b"modules\n1\n")
            code = server.stop()
    assert (status, code) == (200, 0)
    (text,) = json.loads(answer)["predictions"]
    label, *loaded = text.split()
    assert label == "modules:"
    # The API is no more than a name: newer FastAPIs load it by themselves.
    assert set(loaded) <= telemetry_of(server_type)
    assert inbox.received == []


def telemetry_of(package: str) -> set[str]:
    """The modules of OpenTelemetry that a server's own package loads."""
    code = f"import sys, {package}; print(*(m for m in sys.modules if m.startswith('opentel')))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    return set(output.decode().split())
