"""The compiled reader of rows gets into a wheel where there is a compiler, and only there."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = Path("custom_model_runner/datarobot_drum/drum/prediction/payload/csv")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What of a checkout is needed."""
    (tmp_path / FOLDER).mkdir(parents=True)
    for name in ("hatch_build.py", FOLDER / "cells.c"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def built(checkout: Path) -> tuple[dict[str, Any], list[str]]:
    """What hatchling is told, and what was compiled."""
    build = runpy.run_path(str(checkout / "hatch_build.py"))
    hook = object.__new__(build["CustomBuildHook"])
    told: dict[str, Any] = {"artifacts": [], "pure_python": True, "tag": None}
    hook.initialize("standard", told)
    return told, sorted(path.name for path in (checkout / FOLDER).glob("*.so*"))


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler")
def test_with_a_compiler_the_wheel_is_for_a_platform_and_any_python(checkout: Path) -> None:
    told, compiled = built(checkout)
    (artifact,) = told["artifacts"]
    assert (checkout / artifact.lstrip("/")).name in compiled
    assert told["tag"].startswith("py3-none-") and not told["tag"].endswith("any")
    assert told["pure_python"] is False


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler", "cc --no-such-option"])
def test_without_one_it_is_for_all(
    checkout: Path, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    (checkout / FOLDER / "cells.so.1").write_bytes(b"an old one")
    told, compiled = built(checkout)
    assert (told, compiled) == ({"artifacts": [], "pure_python": True, "tag": None}, [])


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler")
def test_it_compiles_without_a_warning(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "cc -Werror -Wconversion")
    told, _ = built(checkout)
    assert told["artifacts"]
