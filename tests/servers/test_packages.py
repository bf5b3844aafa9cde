"""A machine that lacks the packages of the servers not chosen still serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.harness import START_SECONDS, running_server, start_server
from tests.servers.load import rows

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
FLASK = ("flask", "werkzeug")
FASTAPI = ("fastapi", "starlette", "uvicorn")

_BLOCKER = """
import sys


class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""


def without(folder: Path, *packages: str) -> dict[str, str]:
    """An environment in whose processes these packages cannot be found."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_BLOCKER.format(blocked=packages))
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("server_type", "missing"),
    [
        ("flask", ("gunicorn", *FASTAPI)),
        ("gunicorn", FASTAPI),
        ("fastapi", ("gunicorn", *FLASK)),
        ("fastapi", ("uvloop", "httptools")),
    ],
)
def test_serves_without_the_other_servers(
    code_dir: Path, tmp_path: Path, server_type: str, missing: tuple[str, ...]
) -> None:
    env = without(tmp_path / "blocker", *missing)
    for options in ((), ("--max-workers", "2")):
        with running_server(code_dir, server_type, *REGRESSION, *options, env=env) as server:
            assert server.post("/predict/", rows(0))[0] == 200
            assert server.stop() == 0


@pytest.mark.parametrize(
    ("server_type", "missing"), [("gunicorn", "gunicorn"), ("fastapi", "uvicorn")]
)
def test_a_missing_server_is_one_line_that_says_what_to_install(
    code_dir: Path, tmp_path: Path, server_type: str, missing: str
) -> None:
    env = without(tmp_path / "blocker", missing)
    server = start_server(code_dir, server_type, *REGRESSION, env=env)

    assert server.wait(START_SECONDS) == 1
    assert server.stderr() == (
        f"The {server_type} server needs the package {missing}."
        f" Install it with: pip install 'custom-model-runner[{server_type}]'\n"
    )
