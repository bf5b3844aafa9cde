"""Whether a version that pyproject.toml allows has a known hole. `scripts/check` asks.

pip-audit asks the package index for the lowest version that each bound of ours allows and for what
requirements/oldest.txt pins. A hole that a newer version closes is a failure: a bound has to rise.
One that no version closes is told. An index that does not answer is no failure, and is told too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
OLDEST = ROOT / "requirements" / "oldest.txt"
# Below it stand what the scripts install: always the newest.
NOT_FOR_USERS = "# What the scripts install; not for users."
# Seconds for one answer, and for all of them.
PATIENCE, LIMIT = 10, 60
OK, FAILED = 0, 1


def lowest(project: str, constraints: str) -> dict[str, str]:
    """The oldest versions that users may have, by package."""
    ours, _, _ = project.partition(NOT_FOR_USERS)
    bounds = re.findall(r'"([\w-]+)(?:\[.*?\])?>=([\d.]+)', ours)
    pins = re.findall(r"^([\w-]+)==([\d.]+)", constraints, re.MULTILINE)
    return dict(bounds) | dict(pins)


def command(requirements: str) -> list[str]:
    # Of these versions only, not of what pip would install beside them.
    words = f"-m pip_audit --disable-pip --no-deps --progress-spinner off --timeout {PATIENCE}"
    return [sys.executable, *words.split(), "--format", "json", "--requirement", requirements]


def ask(versions: Mapping[str, str]) -> list[dict[str, Any]]:
    """pip-audit's entry for each package.

    Raises:
        OSError: there is no answer; the text says why.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in versions.items())
        file.flush()
        try:
            done = subprocess.run(
                command(file.name), capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"no answer within {LIMIT} seconds") from None
    try:
        entries: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode}"]
        raise OSError(lines[-1]) from None
    return entries


def report(entries: Iterable[Mapping[str, Any]]) -> tuple[str, int]:
    """What is told, and whether that is a failure."""
    entries = list(entries)
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    if len(unknown) == len(entries):
        return "not done: the index answers for none of these versions", OK
    lines, status = [], OK
    for entry in entries:
        for hole in entry.get("vulns", ()):
            closed = ", ".join(hole["fix_versions"])
            names = ", ".join([hole["id"], *hole.get("aliases", ())])
            where = f"{entry['name']} {entry['version']}: {names}"
            lines.append(f"  {where}; closed in {closed}" if closed else f"  {where}; still open")
            status = FAILED if closed else status
    if unknown:
        lines.append(f"  not known to the index: {', '.join(unknown)}")
    if status == FAILED:
        lines.append("  Raise the lower bounds in pyproject.toml and requirements/oldest.txt.")
    return "\n".join(["FAILED" if status == FAILED else "ok", *lines]), status


def main() -> int:
    try:
        text, status = report(ask(lowest(PROJECT.read_text(), OLDEST.read_text())))
    except OSError as error:
        text, status = f"not done: {error}", OK
    print(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
