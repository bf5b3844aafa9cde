"""One server of each kind, from which the tests take one thing after another."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scarcity.starving import Starving, mount
from tests.servers.harness import SERVER_TYPES, running_server

_CUSTOM = """
import os
import time

import pandas as pd


def load_model(code_dir):
    return "model"


def score(data, model, **kwargs):
    wish = data.iloc[0, 0]
    while wish == -1 and not os.path.exists(os.environ["RUN_GATE"]):
        time.sleep(0.02)
    if wish == -2:
        print("x" * 100_000)
    if wish == -3:
        b"x" * (1 << 29)
    return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""
# Room for one large form, not for two.
_ROOM = "size=24m"


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A library that a server is started with; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = tmp_path_factory.mktemp("stand-ins") / "standins.so"
    source = Path(__file__).with_name("standins.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    return library


@pytest.fixture(scope="session")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str | None]]:
    """A folder; and why it is none of little room, where that could not be had."""
    folder = tmp_path_factory.mktemp("small-disk")
    reason = mount("-t", "tmpfs", "-o", _ROOM, "none", str(folder))
    yield folder, reason
    if reason is None:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session", params=SERVER_TYPES)
def starving(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    stand_ins: Path | None,
    small_disk: tuple[Path, str | None],
) -> Iterator[Starving]:
    folder = tmp_path_factory.mktemp(request.param)
    with starving_server(request.param, folder, stand_ins, small_disk[0]) as found:
        yield found


@pytest.fixture(params=["sync", "gevent"])
def other_worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Starving]:
    """Gunicorn's workers without threads for connections."""
    if request.param == "gevent":
        pytest.importorskip("gevent")
    params = {"DRUM_GUNICORN_WORKER_CLASS": request.param}
    with starving_server("gunicorn", tmp_path, None, tmp_path, params) as found:
        yield found


@contextmanager
def starving_server(
    kind: str,
    folder: Path,
    stand_ins: Path | None,
    temporary: Path,
    params: Mapping[str, object] | None = None,
) -> Iterator[Starving]:
    code_dir, scarce = folder / "model", folder / "scarce"
    for made in (code_dir, scarce, folder / "figures"):
        made.mkdir()
    (code_dir / "custom.py").write_text(_CUSTOM)
    env = {"RUN_GATE": str(folder / "gate"), "TMPDIR": str(temporary), "SCARCE": str(scarce)}
    # Files that are open for writing keep a disk from becoming one that may only be read.
    env["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "figures")
    if stand_ins is not None:
        env["LD_PRELOAD"] = str(stand_ins)
    target = ("--target-type", "regression")
    with running_server(code_dir, kind, *target, env=env, params=params, measured=False) as server:
        found = Starving(server, kind, folder / "gate", temporary)
        found.scarce = None if stand_ins is None else scarce
        try:
            yield found
        finally:
            found.gate.touch()
            found.pool.shutdown()


@pytest.fixture
def stood_in(starving: Starving) -> Starving:
    if starving.scarce is None:
        pytest.skip("there is no C compiler to build the stand-ins with")
    return starving


@pytest.fixture
def full_disk(starving: Starving, small_disk: tuple[Path, str | None]) -> Starving:
    if small_disk[1] is not None:
        pytest.skip(f"no tmpfs can be mounted: {small_disk[1]}")
    return starving
