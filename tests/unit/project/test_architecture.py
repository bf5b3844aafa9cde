"""Which way imports point, and where third parties live: see docs/design.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.servers.harness import running_server
from tests.unit.project.modules import FILES, PACKAGE, folder_of

D = f"{PACKAGE}.drum"
DRUM = folder_of(D)
MODULES = sorted(FILES.values())
NAMES = {path: name for name, path in FILES.items()}

# The face of a model is what a service may know of one.
FACE = f"{D}.model.predictor"

# From the bottom up: a room imports from itself and from below. Rooms of one floor are strangers.
# Some of them are not built yet: they are born into their place.
FLOORS: dict[str, tuple[str, ...]] = {
    "the foundation": (
        "datarobot_drum.runtime_parameters",
        f"{D}.common",
        f"{D}.description",
        f"{D}.enum",
        f"{D}.exceptions",
        f"{D}.knobs",
        f"{D}.logs",
        f"{D}.masking",
        f"{D}.server",
        f"{D}.settings",
        f"{D}.telemetry",
        f"{D}.utils",
    ),
    "the command line": (f"{D}.command_line", f"{D}.utils.setup"),
    "the model": (
        "datarobot_drum.custom_task_interfaces",
        f"{D}.language_predictors",
        f"{D}.model",
        f"{D}.model_metadata",
        f"{D}.schema",
    ),
    "the service": (f"{D}.prediction",),
    "the jobs": (f"{D}.checks", f"{D}.loadtest", f"{D}.scoring", f"{D}.training"),
    "what servers share": (f"{D}.engines", f"{D}.pages", f"{D}.serving"),
    "join": (f"{D}.assembly", f"{D}.extension", f"{D}.preloading"),
    "translate": (
        f"{D}.commands",
        f"{D}.fastapi",
        f"{D}.flask",
        f"{D}.gunicorn",
        f"{D}.root_predictors",
    ),
    "choose and run": (f"{D}.main", f"{D}.entry_point", "datarobot_drum.__main__"),
}
LAYERS = tuple(FLOORS.values())

# What a room may see besides itself, the foundation and the command line; those that are not
# named may see whatever lies below them. The longest name counts. docs/design.md has the table.
LAUNCHERS = (f"{D}.assembly", f"{D}.preloading")
FRONT = (f"{D}.serving", f"{D}.pages", f"{D}.prediction", *LAUNCHERS)
MAY_SEE: dict[str, tuple[str, ...]] = {
    f"{D}.model": ("datarobot_drum.custom_task_interfaces",),
    f"{D}.schema": (FACE,),
    f"{D}.prediction": (FACE, f"{D}.schema"),
    f"{D}.scoring": (FACE, f"{D}.prediction.payload"),
    f"{D}.training": (f"{D}.model", f"{D}.schema", "datarobot_drum.custom_task_interfaces"),
    f"{D}.checks": (FACE, f"{D}.prediction", f"{D}.scoring"),
    f"{D}.loadtest": (FACE, f"{D}.prediction.payload"),
    f"{D}.engines": (FACE, f"{D}.prediction.messages"),
    f"{D}.serving": (f"{D}.prediction",),
    f"{D}.pages": (f"{D}.prediction",),
    f"{D}.commands": (
        FACE,
        f"{D}.checks",
        f"{D}.loadtest",
        f"{D}.prediction",
        f"{D}.scoring",
        f"{D}.training",
    ),
    f"{D}.fastapi": FRONT,
    f"{D}.flask": FRONT,
    # Its workers serve the Flask application.
    f"{D}.gunicorn": (*FRONT, f"{D}.flask.app"),
    f"{D}.root_predictors": (
        FACE,
        f"{D}.model.local",
        f"{D}.prediction.messages",
        f"{D}.prediction.payload",
    ),
    f"{D}.preloading": (f"{D}.assembly", f"{D}.model.folder", f"{D}.prediction", f"{D}.serving"),
    f"{D}.extension": (f"{D}.model.folder",),
    f"{D}.model_metadata": (f"{D}.model.metadata",),
    f"{D}.language_predictors": (),
    "datarobot_drum.custom_task_interfaces": (),
    f"{D}.assembly": (f"{D}.extension", f"{D}.model", f"{D}.prediction", f"{D}.serving"),
}

# Inside of the service, from the bottom up.
PREDICTION: tuple[tuple[str, ...], ...] = (
    ("messages", "operations"),
    ("payload",),
    ("errors",),
    ("figures",),
    ("lane",),
    ("answers", "chat", "open_inference"),
    ("introduction", "warm_up"),
    ("service",),
    ("failed",),
)

# Third parties that live in one room only.
ROOMS = {
    "flask": ("datarobot_drum.drum.flask",),
    "werkzeug": ("datarobot_drum.drum.flask",),
    "gunicorn": ("datarobot_drum.drum.gunicorn",),
    "fastapi": ("datarobot_drum.drum.fastapi",),
    "starlette": ("datarobot_drum.drum.fastapi",),
    "uvicorn": ("datarobot_drum.drum.fastapi",),
    "ray": ("datarobot_drum.drum.engines.ray",),
    "opentelemetry": ("datarobot_drum.drum.telemetry",),
}
ARTIFACTS = f"{D}.model.artifacts"
ROOMS |= {
    "catboost": (f"{ARTIFACTS}.boosters.catboost",),
    "joblib": (f"{ARTIFACTS}.pickles",),
    "keras": (f"{ARTIFACTS}.networks.keras",),
    "lightgbm": (f"{ARTIFACTS}.boosters.lightgbm",),
    "mlflow": (f"{ARTIFACTS}.mlflow",),
    "onnxruntime": (f"{ARTIFACTS}.networks.onnx", f"{ARTIFACTS}.mlflow"),
    "sklearn": (f"{ARTIFACTS}.fast_paths",),
    "skops": (f"{ARTIFACTS}.skops",),
    "torch": (f"{ARTIFACTS}.networks.torch",),
    "xgboost": (f"{ARTIFACTS}.boosters.xgboost",),
}
# Light, or of several rooms by nature.
ELSEWHERE = {
    "gevent": (f"{D}.gunicorn",),
    "httptools": (f"{D}.fastapi",),
    "prometheus_client": (f"{D}.prediction.figures",),
    "psutil": (f"{D}.prediction.figures",),
    "pyarrow": (f"{D}.prediction.payload", f"{D}.model.plain_dtypes"),
    "scipy": (f"{D}.model", f"{D}.prediction.payload", f"{D}.root_predictors"),
    "uvloop": (f"{D}.fastapi",),
}

LIGHT = ("numpy", "pandas", "orjson", "yaml", "psutil", *ROOMS)


def name_of(path: Path) -> str:
    return NAMES[path]


def below(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in the file, for types and by name too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if whole in FILES else base), node.lineno
        elif isinstance(node, ast.Constant) and is_dotted(node.value):
            # For `import_module`, or a library that imports: of a module, or of what is in one.
            yield (
                (node.value if node.value in FILES else node.value.rpartition(".")[0]),
                node.lineno,
            )


def is_dotted(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(rf"{PACKAGE}(\.\w+)+", value) is not None


def room_of(module: str, rooms: Iterable[str]) -> str | None:
    """The innermost of the rooms that the module is in."""
    return max((room for room in rooms if below(module, (room,))), key=len, default=None)


def layer_of(module: str) -> int | None:
    room = room_of(module, (room for rooms in LAYERS for room in rooms))
    return next((number for number, rooms in enumerate(LAYERS) if room in rooms), None)


def test_every_module_has_a_layer():
    packages = {PACKAGE, D}
    lost = [
        name for name in map(name_of, MODULES) if name not in packages and layer_of(name) is None
    ]
    assert not lost, "say in FLOORS where these stand"


def is_seen(importer: str, module: str) -> bool:
    """Whether the importer may see the module, as far as its room's list says."""
    room = room_of(importer, MAY_SEE)
    always = (room, *LAYERS[0], *LAYERS[1])
    return room is None or module in (PACKAGE, D) or below(module, (*always, *MAY_SEE[room]))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down_only(path: Path):
    importer = name_of(path)
    own = layer_of(importer)
    assert [
        f"{path}:{line} imports {module} from a layer above"
        for module, line in imports(path)
        if own is not None and (layer_of(module) or 0) > own
    ] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_see_only_what_they_may(path: Path):
    importer = name_of(path)
    assert [
        f"{path}:{line} must not see {module}"
        for module, line in imports(path)
        if module.startswith(f"{PACKAGE}.") and not is_seen(importer, module)
    ] == []


@pytest.mark.parametrize(
    ("importer", "module", "seen"),
    [
        ("training.fit", "prediction.service", False),
        ("scoring.journal", "prediction.payload.csv.reader", True),
        ("scoring.journal", "prediction.service", False),
        ("engines.ray.deployment", "model.local", False),
        ("loadtest.run", "serving.routes", False),
        ("commands.fit", "training.fit", True),
        ("commands.fit", "model.local", False),
        ("flask.app", "model.local", False),
        ("flask.app", "fastapi.app", False),
        ("assembly", "fastapi.app", False),
    ],
)
def test_rooms_that_are_not_built_yet_have_their_place(importer: str, module: str, seen: bool):
    assert is_seen(f"{D}.{importer}", f"{D}.{module}") is seen
    assert layer_of(f"{D}.{importer}") is not None


def test_an_import_by_name_is_one_too(tmp_path: Path):
    file = tmp_path / "module.py"
    file.write_text(
        "def f():\n"
        f"    import_module('{D}.flask.app')\n"
        f"    return '{D}.gunicorn.worker.DrumWorker', 'no.module'\n"
    )
    assert sorted(imports(file)) == [(f"{D}.flask.app", 2), (f"{D}.gunicorn.worker", 3)]


def test_the_service_is_layered_inside():
    names = [[f"{D}.prediction.{part}" for part in parts] for parts in PREDICTION]

    def floor(module: str) -> int:
        return next(n for n, parts in enumerate(names) if below(module, tuple(parts)))

    service = f"{D}.prediction"
    assert [
        f"{path}:{line} imports {module}"
        for path in MODULES
        if below(name_of(path), (service,)) and name_of(path) != service
        for module, line in imports(path)
        if below(module, (service,)) and floor(module) > floor(name_of(path))
    ] == []


def test_no_imports_run_in_a_circle():
    """Imports for types alone count too: modules that know each other are one thought."""
    seen = {name_of(path): {module for module, _ in imports(path)} for path in MODULES}
    # A package's name stands for its `__init__.py`, which only two of them fill.
    left = {name: targets & seen.keys() - {name} for name, targets in seen.items()}
    while free := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in free}
    assert sorted(left) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_third_parties_keep_to_their_rooms(path: Path):
    homes = ROOMS | ELSEWHERE
    wrong = [
        f"{path}:{line} imports {module}"
        for module, line in imports(path)
        if not below(name_of(path), homes.get(module.split(".")[0], (PACKAGE,)))
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
    "datarobot_drum.drum.fastapi",
    "datarobot_drum.drum.flask",
    "datarobot_drum.drum.gunicorn",
    "datarobot_drum.drum.model",
    "datarobot_drum.drum.prediction",
    "datarobot_drum.drum.serving",
)


# Work while a model is loaded, or just after, when nothing predicts yet.
LOADING = {f"{D}.prediction.introduction", f"{D}.prediction.warm_up"}
LOADING |= {f"{D}.model.artifacts.{name}" for name in ("fast_paths.made_rows", "made_columns")}


@pytest.mark.parametrize(
    "path",
    [FILES[name] for name in sorted(FILES.keys() - LOADING) if below(name, SERVING)],
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
    package = folder_of(PACKAGE)
    folders = [Path(entry).resolve() for entry in entries if entry]
    assert tmp_path.resolve() in folders
    assert [str(f) for f in folders if f == package or package in f.parents] == []
