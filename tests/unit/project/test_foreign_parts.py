"""What is used of other packages' insides is told in docs/design.md, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import datarobot_drum.drum

DRUM = Path(datarobot_drum.drum.__file__).parent
ROOT = Path(__file__).parents[3]
# Underscores of names that are public all the same.
DOCUMENTED = frozenset({"os._exit", "_typeshed"})
QUOTED = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    parts: tuple[str, ...]
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    notice: str


def table() -> Iterator[Row]:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    section = text.partition("## Standing on others' insides\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = line.strip("| ").split(" | ")
        if len(cells) == 5 and "`" in cells[0]:
            part, module, _purpose, _change, test = (tuple(QUOTED.findall(cell)) for cell in cells)
            yield Row(part, module, test, cells[-1])


ROWS = tuple(table())


def is_private(name: str) -> bool:
    return re.fullmatch(r"_[A-Za-z]\w*", name) is not None


def defined(tree: ast.AST) -> set[str]:
    """What a module calls its own: an attribute may be named in a string, too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def names_in(node: ast.AST, own: set[str]) -> Iterator[str]:
    """Dotted names, parts of which may be somebody's own affair."""
    if isinstance(node, ast.Attribute):
        owner = ast.unparse(node.value)
        if owner not in ("self", "cls"):
            yield f"os.{node.attr}" if owner == "os" else node.attr
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.keyword) and node.arg is not None:
        yield node.arg
    elif isinstance(node, ast.Constant) and node.value not in own and is_private(str(node.value)):
        yield str(node.value)


def private_parts(source: str) -> set[str]:
    """Names of others with one underscore in front that a module uses."""
    tree = ast.parse(source)
    own = defined(tree)
    dotted = {name for node in ast.walk(tree) for name in names_in(node, own)}
    foreign = {
        name
        for name in dotted - DOCUMENTED
        if not name.startswith(("datarobot_drum.", *(f"{name}." for name in DOCUMENTED)))
    }
    return {part for name in foreign for part in name.split(".") if is_private(part)}


def test_every_private_part_in_use_is_listed_and_no_other() -> None:
    used = {
        (path.relative_to(DRUM).with_suffix("").as_posix(), part)
        for path in DRUM.rglob("*.py")
        for part in private_parts(path.read_text())
    }
    listed = {
        (module, part)
        for row in ROWS
        for name in row.parts
        for part in name.split(".")
        for module in row.modules
        if is_private(part) and re.search(rf"\b{part}\b", source_of(module))
    }
    assert used == listed


def source_of(module: str) -> str:
    return (DRUM / f"{module}.py").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.parts[0])
def test_what_is_listed_is_used_and_there_are_tests_of_it(row: Row) -> None:
    sources = "\n".join(map(source_of, row.modules))
    for part in row.parts:
        # `module.name` may be imported from the module.
        for word in part.split("."):
            assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", sources), part
    assert row.tests or row.notice.startswith("nothing")
    for test in row.tests:
        assert (ROOT / "tests" / test).is_file(), test


def test_the_packages_whose_insides_servers_and_fast_paths_use_are_all_there() -> None:
    assert {"gunicorn/worker", "fastapi/server", "flask/server"} <= {
        module for row in ROWS for module in row.modules
    }


def test_every_way_to_a_private_part_is_found() -> None:
    source = """
import os
from sklearn.tree._tree import Tree
from datarobot_drum.drum.utils import _ours
from _typeshed import Wsgi
class Worker(Base):
    _state = None
    def run(self):
        super()._start(_loop=None)
        self._other = getattr(self, "_state")
        return getattr(frame, "_mgr", None), model._object, os._exit(1)
"""
    found = {"_tree", "_start", "_loop", "_mgr", "_object"}
    assert private_parts(source) == found
