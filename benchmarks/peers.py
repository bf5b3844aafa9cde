"""Environments of other servers: one each, with the same scikit-learn and pandas where they can."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "drum": ["datarobot-drum"],
    "mlserver": ["mlserver", "mlserver-sklearn"],
    "litserve": ["litserve"],
    "mlflow": ["mlflow"],
    "bentoml": ["bentoml"],
    "ray": ["ray[serve]"],
}
SAME = ("scikit-learn", "pandas", "numpy")


def cache() -> Path:
    """Where the environments are: BENCH_PEERS, or in the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("BENCH_PEERS", default / "custom-model-runner-peers"))


def python(peer: str) -> str | None:
    """The interpreter of a peer's environment; None when it is not installed."""
    path = cache() / peer / "bin" / "python"
    return str(path) if path.exists() else None


def environment(interpreter: str) -> dict[str, str]:
    """Variables for a program of ``interpreter``'s environment.

    PYTHONPATH is ours: a peer that found our package on it would be measured as itself.
    """
    variables = dict(os.environ)
    if interpreter != sys.executable:
        variables.pop("PYTHONPATH", None)
    return variables


def set_up() -> None:
    """Make the environments that are missing. What cannot be installed is left out, and said."""
    for peer, packages in PACKAGES.items():
        if python(peer) is None:
            print(f"installing {peer} ...", flush=True)
            if not _install(peer, packages):
                print(f"  {peer} cannot be installed here: see {cache() / peer}.log")


def _install(peer: str, packages: list[str]) -> bool:
    folder, log = cache() / peer, cache() / f"{peer}.log"
    making = folder.with_name(f"{peer}.part")
    cache().mkdir(parents=True, exist_ok=True)
    same = [f"{name}=={importlib.metadata.version(name)}" for name in SAME]
    with log.open("wb") as output:
        # The exact versions first; a peer that refuses them gets its own choice.
        for wanted in (same, ["scikit-learn", "pandas"]):
            made = [sys.executable, "-m", "venv", "--clear", str(folder)]
            subprocess.run(made, check=True, stdout=output, stderr=output)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", *packages, *wanted]
            if subprocess.run(pip, stdout=output, stderr=output).returncode == 0:
                return True
    folder.rename(making)
    return False


def versions(peer: str) -> dict[str, str]:
    """Of the peer and of what it shares with us."""
    names = [*(package.split("[")[0] for package in PACKAGES[peer]), *SAME]
    code = (
        "import importlib.metadata as m, json, sys;"
        "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
    )
    interpreter = python(peer)
    assert interpreter is not None
    done = subprocess.run(
        [interpreter, "-c", code, *names],
        capture_output=True,
        check=True,
        env=environment(interpreter),
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found
