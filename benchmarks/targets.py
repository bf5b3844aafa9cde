"""What is measured: how each server is started, and which rows it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import peers
import wires
from models import Model
from processes import Running, free_port, running
from wires import Wire

APPS = Path(__file__).resolve().parent / "apps"
OURS = "fastapi (ours)"
BY_HAND = "FastAPI by hand, CSV"
CONSTANT = "uvicorn, a constant"


@dataclass(frozen=True)
class Launch:
    """One start of a server. ``folder`` is the target's own, ``artifact`` the model's file."""

    model: Model
    folder: Path
    artifact: Path
    port: int
    python: str


@dataclass(frozen=True)
class Target:
    """A server and the way to ask it.

    Attributes:
        peer: the environment that it needs; None for ours.
        command: makes what the server needs in its folder, and gives the command line.
        only: the models that it can serve; empty: all.
        alone: it works also when nobody asks, and must not run beside others.
    """

    name: str
    wire: Wire
    command: Callable[[Launch], list[str]]
    peer: str | None = None
    path: str = "/predict/"
    variables: dict[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    alone: bool = False

    @property
    def available(self) -> bool:
        return self.peer is None or peers.python(self.peer) is not None

    def running(
        self, model: Model, folder: Path, artifact: Path, answer: Path
    ) -> AbstractContextManager[Running]:
        """Start it in a new folder under ``folder``.

        Args:
            answer: the file with the answer that the constant server gives.
        """
        own = folder / self.name.replace(" ", "-").replace("/", "-")
        own.mkdir(parents=True, exist_ok=True)
        interpreter = sys.executable if self.peer is None else peers.python(self.peer)
        assert interpreter is not None
        launch = Launch(model, own, artifact, free_port(), interpreter)
        variables = {
            "BENCH_ARTIFACT": str(artifact),
            "BENCH_METHOD": model.method,
            "BENCH_PORT": str(launch.port),
            "BENCH_ANSWER": str(answer),
            **self.variables,
        }
        return running(
            self.command(launch),
            variables,
            own / "log",
            (launch.port, self.path, self.wire.content_type),
            self.wire.encode(model.rows(1)),
        )


def _drum(launch: Launch) -> list[str]:
    code_dir = launch.artifact.parent
    command = [launch.python, "-m", "datarobot_drum", "server", "--code-dir", str(code_dir)]
    return [*command, *launch.model.options, "--address", f"127.0.0.1:{launch.port}"]


def _incumbent(launch: Launch) -> list[str]:
    program = str(Path(launch.python).parent / "drum")
    return [program, *_drum(launch)[3:]]


def _uvicorn(app: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        words = [launch.python, "-m", "uvicorn", "--app-dir", str(APPS), f"{app}:app"]
        where = ["--host", "127.0.0.1", "--port", str(launch.port)]
        return [*words, *where, "--no-access-log", "--log-level", "error"]

    return command


def _app(name: str) -> Callable[[Launch], list[str]]:
    return lambda launch: [launch.python, str(APPS / f"{name}.py")]


def _mlserver(batch: int) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        settings = {
            "http_port": launch.port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            "host": "127.0.0.1",
            "parallel_workers": 0,
            "debug": False,
        }
        model = {
            "name": "model",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(launch.artifact)},
        }
        if batch:
            model |= {"max_batch_size": batch, "max_batch_time": 0.005}
        (launch.folder / "settings.json").write_text(json.dumps(settings))
        (launch.folder / "model-settings.json").write_text(json.dumps(model))
        return [str(Path(launch.python).parent / "mlserver"), "start", str(launch.folder)]

    return command


def _mlflow(launch: Launch) -> list[str]:
    saved = launch.folder / "saved"
    shutil.rmtree(saved, ignore_errors=True)
    subprocess.run(
        [launch.python, str(APPS / "mlflow_save.py"), str(launch.artifact), str(saved)],
        check=True,
        capture_output=True,
        cwd=launch.folder,
        env={**peers.environment(launch.python), "BENCH_METHOD": launch.model.method},
    )
    words = [str(Path(launch.python).parent / "mlflow"), "models", "serve", "-m", str(saved)]
    where = ["--host", "127.0.0.1", "--port", str(launch.port)]
    return [*words, "--env-manager", "local", "--workers", "1", *where]


def _bentoml(launch: Launch) -> list[str]:
    words = [str(Path(launch.python).parent / "bentoml"), "serve", "bentoml_app:Model"]
    where = ["--host", "127.0.0.1", "--port", str(launch.port)]
    return [*words, "--working-dir", str(APPS), *where]


def _server(kind: str, name: str | None = None, **parameters: str) -> Target:
    """Ours, with its defaults; gunicorn keeps connections open, as the others do."""
    all_parameters = {"DRUM_SERVER_TYPE": kind, "DRUM_GUNICORN_KEEP_ALIVE": "5", **parameters}
    variables = {f"MLOPS_RUNTIME_PARAM_{key}": value for key, value in all_parameters.items()}
    return Target(name or f"{kind} (ours)", wires.CSV, _drum, variables=variables)


def _incumbent_server(kind: str) -> Target:
    variables = {
        "MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": json.dumps({"type": "string", "payload": kind}),
        "MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_KEEP_ALIVE": json.dumps(
            {"type": "numeric", "payload": 5}
        ),
    }
    return Target(f"DRUM, {kind}", wires.CSV, _incumbent, "drum", variables=variables)


INFER = "/v2/models/model/infer"
NUMBERS_ONLY = ("linear", "trees")
BATCHING_OFF = "fastapi (ours), no batching"
FRONTS = {kind: _server(kind) for kind in ("fastapi", "gunicorn", "flask")}
TARGETS = [
    *FRONTS.values(),
    _server("fastapi", BATCHING_OFF, DRUM_BATCHING="off"),
    Target(CONSTANT, wires.CSV, _uvicorn("constant_app")),
    Target(BY_HAND, wires.CSV, _uvicorn("fastapi_csv")),
    Target("FastAPI by hand, JSON", wires.RECORDS, _uvicorn("fastapi_json")),
    _incumbent_server("gunicorn"),
    _incumbent_server("werkzeug"),
    Target(
        "MLServer, one tensor", wires.TENSOR, _mlserver(0), "mlserver", INFER, only=NUMBERS_ONLY
    ),
    Target(
        "MLServer, one tensor, batching",
        wires.TENSOR,
        _mlserver(32),
        "mlserver",
        INFER,
        only=NUMBERS_ONLY,
    ),
    Target("MLServer, columns", wires.COLUMNS, _mlserver(0), "mlserver", INFER),
    Target("MLServer, columns, batching", wires.COLUMNS, _mlserver(32), "mlserver", INFER),
    Target("LitServe", wires.SPLIT, _app("litserve_app"), "litserve", "/predict"),
    Target(
        "LitServe, batching",
        wires.SPLIT,
        _app("litserve_app"),
        "litserve",
        "/predict",
        {"BENCH_BATCH": "32"},
    ),
    Target("MLflow", wires.CSV, _mlflow, "mlflow", "/invocations"),
    Target("BentoML", wires.BARE_RECORDS, _bentoml, "bentoml", "/predict"),
    Target("Ray Serve", wires.CSV, _app("ray_app"), "ray", "/predict", alone=True),
]
ARROW_TARGET = "fastapi (ours), Arrow"
ARROW = Target(ARROW_TARGET, wires.ARROW, _drum, variables=FRONTS["fastapi"].variables)
