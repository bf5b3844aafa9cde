"""The pages, their blocks of code, and what stands in them between backticks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "examples").glob("*/README.md")),
)
# Files whose comments hold commands.
COMMENTED = (ROOT / "deploy" / "Dockerfile", *sorted((ROOT / "deploy").rglob("*.y*ml")))
SHELL = ("", "sh")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^\n)((?:^(?: {4}.*)?\n)+)", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code; ``language`` is empty where the page names none."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        first = re.sub(r"\W+", "-", self.text.strip().splitlines()[0])[:40]
        return f"{shown(self.page)}:{first}"

    @property
    def commands(self) -> tuple[Command, ...]:
        lines = self.text.replace("\\\n", " ").splitlines()
        return tuple(Command(line.strip()) for line in lines if line.strip())


@dataclass(frozen=True)
class Command:
    """A line for a shell; its comment may say which status the answer has."""

    line: str

    @property
    def words(self) -> list[str]:
        """Without the variables in front of it."""
        words = shlex.split(self.line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        return words

    @property
    def program(self) -> str:
        return self.words[0].removeprefix(".venv/bin/") if self.words else ""

    @property
    def variables(self) -> dict[str, str]:
        """What is set for it, or by it for those after it."""
        words = shlex.split(self.line, comments=True)
        words = words[1:] if words[0] == "export" else words[: len(words) - len(self.words)]
        return dict(word.split("=", 1) for word in words)

    @property
    def status(self) -> int:
        said = re.search(r"# (\d{3})$", self.line)
        return int(said[1]) if said else 200


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text()
        found += [Block(page, language, body) for language, body in _FENCED.findall(text)]
        if page.parent.parent == ROOT / "examples":
            found += [Block(page, "", part) for part in _INDENTED.findall(text)]
    for path in COMMENTED:
        lines = re.findall(r"^#   (\S.*)$", path.read_text(), re.MULTILINE)
        found += [Block(path, "", "\n".join(lines))] if lines else []
    return found


def spans() -> Iterator[tuple[Path, str]]:
    """What stands between backticks in the texts."""
    for page in PAGES:
        for span in _SPAN.findall(_FENCED.sub("", page.read_text())):
            yield page, span
