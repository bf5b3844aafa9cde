"""What `scripts/test-next` asks and tells: `bounded` names the installed packages that
pyproject.toml bounds from above; `report ORDINARY JUNIT STATUS` says which versions are new and
which tests failed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# A requirement with a bound below which it stays: "uvicorn>=0.34,<0.55".
BOUNDED = re.compile(r'"([\w.-]+)(?:\[[\w,-]+\])?[<>=.,\d\s]*<\d')
LONGEST = 150


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def bounded(project: str) -> list[str]:
    return sorted({canonical(name) for name in BOUNDED.findall(project)})


def installed() -> dict[str, str]:
    return {canonical(found.metadata["Name"]): found.version for found in metadata.distributions()}


def ordinary(pip_report: Path) -> dict[str, str]:
    """The versions that pip would install, by the report of its dry run."""
    entries = json.loads(pip_report.read_text())["install"]
    found = [entry["metadata"] for entry in entries]
    return {canonical(entry["name"]): entry["version"] for entry in found}


def new_versions(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """One line for each package that is there in another version, or only there."""
    changed = [name for name in sorted(now) if before.get(name) != now[name]]
    return [f"{name} {before.get(name, '(not there)')} -> {now[name]}" for name in changed]


def failures(junit: Path) -> list[str]:
    """One line for each test or file that failed, as pytest takes its name."""
    found = []
    for case in ElementTree.parse(junit).iter("testcase"):
        file, classes = case.get("file", ""), case.get("classname", "")
        # A file that could not be collected has no class; its reason stands at the end.
        names = [file, *classes.split(".")[len(Path(file).parts) :], case.get("name", "")]
        for outcome in [*case.findall("failure"), *case.findall("error")]:
            reason = outcome.get("message", "") if classes else (outcome.text or "")[-LONGEST:]
            words = " ".join(reason.split())[:LONGEST]
            found.append(f"{'::'.join(names) if classes else file}: {words}")
    return found


def report(before: Mapping[str, str], now: Mapping[str, str], junit: Path, status: int) -> str:
    # Tools that an environment is made with are nobody's dependency.
    now = {name: version for name, version in now.items() if name not in ("pip", "setuptools")}
    lines = new_versions(before, now)
    text = "\nNew, against an ordinary installation of today:\n" if lines else "\nNothing is new.\n"
    text += "".join(f"  {line}\n" for line in lines)
    if status not in (0, 1) or not junit.exists():
        text += f"pytest did not get to its end (status {status}): its own words are above.\n"
    broken = failures(junit) if junit.exists() else []
    if not broken and status:
        return text
    if not broken:
        return text + "No test failed with these versions.\n"
    text += f"Failed with these versions ({len(broken)}):\n"
    text += "".join(f"  {line}\n" for line in broken)
    return text + "`scripts/test NAME` says whether one fails with the ordinary versions, too.\n"


def main() -> int:
    if sys.argv[1] == "bounded":
        present = installed()
        print(*[name for name in bounded(PROJECT.read_text()) if name in present])
    else:
        before, junit, status = ordinary(Path(sys.argv[2])), Path(sys.argv[3]), int(sys.argv[4])
        print(report(before, installed(), junit, status), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
