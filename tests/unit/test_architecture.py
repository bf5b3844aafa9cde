"""Which way imports point, and where third parties live: see docs/design.md."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.harness import running_server

PACKAGE = "datarobot_drum"
ROOT = Path(__file__).parents[2] / "custom_model_runner"
FOLDER = ROOT / PACKAGE
DRUM = FOLDER / "drum"
MODULES = sorted(FOLDER.rglob("*.py"))

FOUNDATION = (
    "datarobot_drum.runtime_parameters",
    "datarobot_drum.drum.collector",
    "datarobot_drum.drum.common",
    "datarobot_drum.drum.description",
    "datarobot_drum.drum.enum",
    "datarobot_drum.drum.event_loops",
    "datarobot_drum.drum.exceptions",
    "datarobot_drum.drum.failures",
    "datarobot_drum.drum.logs",
    "datarobot_drum.drum.masking",
    "datarobot_drum.drum.knobs",
    "datarobot_drum.drum.server",
    "datarobot_drum.drum.settings",
    "datarobot_drum.drum.telemetry",
    "datarobot_drum.drum.tuning",
    "datarobot_drum.drum.utils",
)
# The face of a model is what a service may know of one.
FACE = "datarobot_drum.drum.model.predictor"

# From the bottom up: a layer imports from itself and from below.
LAYERS: tuple[tuple[str, ...], ...] = (
    FOUNDATION,
    (
        "datarobot_drum.custom_task_interfaces",
        "datarobot_drum.drum.language_predictors",
        "datarobot_drum.drum.model",
        "datarobot_drum.drum.model_metadata",
        "datarobot_drum.drum.training",
    ),
    ("datarobot_drum.drum.prediction",),
    ("datarobot_drum.drum.routes", "datarobot_drum.drum.ray"),
    ("datarobot_drum.drum.gate", "datarobot_drum.drum.body"),
    # What the launchers share: sockets, signals, certificates.
    (
        "datarobot_drum.drum.balance",
        "datarobot_drum.drum.listening",
        "datarobot_drum.drum.signals",
        "datarobot_drum.drum.tls",
    ),
    (
        "datarobot_drum.drum.assembly",
        "datarobot_drum.drum.commands",
        "datarobot_drum.drum.extension",
        "datarobot_drum.drum.fastapi",
        "datarobot_drum.drum.flask",
        "datarobot_drum.drum.gunicorn",
        "datarobot_drum.drum.preloading",
        "datarobot_drum.drum.root_predictors",
    ),
    ("datarobot_drum.drum.main",),
    ("datarobot_drum.drum.entry_point",),
    ("datarobot_drum.__main__",),
)

# What a module may not see although its layer would let it.
FORBIDDEN = (
    ("datarobot_drum.drum.prediction", ("datarobot_drum.drum.model",), (FACE,)),
    ("datarobot_drum.drum.fastapi", ("datarobot_drum.drum.model",), (FACE,)),
    ("datarobot_drum.drum.flask", ("datarobot_drum.drum.model",), (FACE,)),
    ("datarobot_drum.drum.gunicorn", ("datarobot_drum.drum.model",), (FACE,)),
    ("datarobot_drum.drum.fastapi", ("datarobot_drum.drum.flask", "datarobot_drum.drum.gunicorn")),
    ("datarobot_drum.drum.flask", ("datarobot_drum.drum.fastapi", "datarobot_drum.drum.gunicorn")),
    ("datarobot_drum.drum.gunicorn", ("datarobot_drum.drum.fastapi",)),
    ("datarobot_drum.drum.assembly", ("datarobot_drum.drum.flask", "datarobot_drum.drum.fastapi")),
)

# Third parties that live in one room only.
ROOMS = {
    "flask": ("datarobot_drum.drum.flask",),
    "werkzeug": ("datarobot_drum.drum.flask",),
    "gunicorn": ("datarobot_drum.drum.gunicorn",),
    "fastapi": ("datarobot_drum.drum.fastapi",),
    "starlette": ("datarobot_drum.drum.fastapi",),
    "uvicorn": ("datarobot_drum.drum.fastapi",),
    "ray": ("datarobot_drum.drum.ray",),
    "opentelemetry": ("datarobot_drum.drum.telemetry",),
}
FRAMEWORKS = ("sklearn", "joblib", "xgboost", "lightgbm", "catboost", "skops", "onnxruntime")
FRAMEWORKS += ("torch", "keras", "mlflow")
ROOMS |= dict.fromkeys(FRAMEWORKS, ("datarobot_drum.drum.model.artifacts",))

LIGHT = ("numpy", "pandas", "orjson", "yaml", "psutil", *ROOMS)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in the file, for types too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if is_module(whole) else base), node.lineno


def is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def layer_of(module: str) -> int | None:
    for number, packages in enumerate(LAYERS):
        if below(module, packages):
            return number
    return None


def test_every_module_has_a_layer():
    packages = {PACKAGE, f"{PACKAGE}.drum"}
    lost = [
        name for name in map(name_of, MODULES) if name not in packages and layer_of(name) is None
    ]
    assert not lost, "say in LAYERS where these stand"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down_only(path: Path):
    importer = name_of(path)
    own = layer_of(importer)
    wrong = [
        f"{path}:{line} imports {module} from a layer above"
        for module, line in imports(path)
        if own is not None and (layer_of(module) or 0) > own
    ]
    for holder, banned, *allowed in FORBIDDEN:
        excepted = allowed[0] if allowed else ()
        wrong += [
            f"{path}:{line} must not see {module}"
            for module, line in imports(path)
            if below(importer, (holder,)) and below(module, banned) and not below(module, excepted)
        ]
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_parties_keep_to_their_rooms(path: Path):
    wrong = [
        f"{path}:{line} imports {module}"
        for module, line in imports(path)
        if not below(name_of(path), ROOMS.get(module.split(".")[0], (PACKAGE,)))
    ]
    assert not wrong


# The process's own state: what one thread sets while it predicts, another one gets.
PROCESS_WIDE = frozenset(
    {
        "catch_warnings",
        "chdir",
        "filterwarnings",
        "option_context",
        "redirect_stderr",
        "redirect_stdout",
        "resetwarnings",
        "set_option",
        "setlocale",
        "seterr",
        "setrecursionlimit",
        "setswitchinterval",
        "simplefilter",
        "umask",
    }
)
SERVING = (
    "datarobot_drum.custom_task_interfaces",
    "datarobot_drum.drum.body",
    "datarobot_drum.drum.fastapi",
    "datarobot_drum.drum.flask",
    "datarobot_drum.drum.gate",
    "datarobot_drum.drum.gunicorn",
    "datarobot_drum.drum.model",
    "datarobot_drum.drum.prediction",
    "datarobot_drum.drum.routes",
)


# Works while a model is loaded, when nothing predicts yet.
LOADING = ("made_rows.py",)


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if below(name_of(p), SERVING) and p.name not in LOADING],
    ids=name_of,
)
def test_no_state_of_the_process_is_touched_while_predicting(path: Path):
    """What numpy does about errors (`errstate`) is each thread's own, and so allowed."""
    used = {
        (node.attr if isinstance(node, ast.Attribute) else node.id, node.lineno)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    assert sorted((name, line) for name, line in used if name in PROCESS_WIDE) == []


def test_init_files_below_drum_are_empty():
    assert [p for p in DRUM.rglob("__init__.py") if p.read_text().strip()] == []
    assert [
        d for d in DRUM.rglob("*/") if any(d.glob("*.py")) and not (d / "__init__.py").exists()
    ] == []


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_the_entry_point_is_light():
    """`drum --help`, and a machine that lacks the servers not chosen, depend on it."""
    loaded = run_python(
        "import sys, datarobot_drum.drum.entry_point, datarobot_drum.__main__\n"
        f"print([m for m in {LIGHT!r} if m in sys.modules])"
    )
    assert loaded == "[]"


REPORT = """
import os, sys
from pathlib import Path
import pandas as pd

def load_model(code_dir):
    entries = sys.path + os.environ.get("PYTHONPATH", "").split(os.pathsep)
    Path(code_dir, "entries").write_text(os.linesep.join(entries))
    return "reporter"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"]})
"""


@pytest.mark.servers
@pytest.mark.parametrize("server", ["flask", "gunicorn", "fastapi"])
def test_no_folder_of_the_package_is_on_the_path(server: str, tmp_path: Path):
    """Folders named like packages (fastapi, gunicorn, flask) must never shadow them."""
    (tmp_path / "custom.py").write_text(REPORT)
    with running_server(tmp_path, server, "--target-type", "regression"):
        entries = (tmp_path / "entries").read_text().splitlines()
    folders = [Path(entry).resolve() for entry in entries if entry]
    assert tmp_path.resolve() in folders
    assert [str(f) for f in folders if f == FOLDER or FOLDER in f.parents] == []
