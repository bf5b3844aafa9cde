"""Code that catches everything hides mistakes: there is little of it, and it says why."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import datarobot_drum

PACKAGE = Path(datarobot_drum.__file__).parent
MOST = 15
EVERYTHING = frozenset({"BaseException", "Exception"})


def catches_everything(types: ast.expr | None) -> bool:
    if isinstance(types, ast.Tuple):
        return any(map(catches_everything, types.elts))
    return types is None or ast.unparse(types).rpartition(".")[2] in EVERYTHING


def is_broad(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return catches_everything(node.type)
    if not isinstance(node, ast.Call):
        return False
    function = ast.unparse(node.func).rpartition(".")[2]
    return function == "suppress" and any(map(catches_everything, node.args))


def broad_handlers(source: str) -> list[int]:
    """The lines on which everything is caught."""
    nodes = filter(is_broad, ast.walk(ast.parse(source)))
    return sorted(getattr(node, "lineno", 0) for node in nodes)


def without_reason(source: str) -> list[int]:
    """Those of them that have no comment of their own, on the line or on the one above."""
    lines = source.splitlines()

    def has_reason(line: int) -> bool:
        return "  # " in lines[line - 1] or lines[line - 2].lstrip().startswith("# ")

    return [line for line in broad_handlers(source) if not has_reason(line)]


def found(look: Callable[[str], list[int]]) -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for line in look(path.read_text()):
            yield f"{path.relative_to(PACKAGE)}:{line}"


def test_little_catches_everything() -> None:
    places = list(found(broad_handlers))
    assert 0 < len(places) <= MOST, "\n".join(places)


def test_whatever_catches_everything_says_why() -> None:
    assert not list(found(without_reason))


def test_every_spelling_is_found() -> None:
    source = """
import builtins, contextlib
try:
    pass
except (ValueError, Exception):
    pass
try:
    pass
# As a scheduler has it.
except BaseException:
    pass
with contextlib.suppress(OSError, builtins.Exception):  # it may be gone
    pass
try:
    pass
except ValueError:
    pass
except:
    pass
"""
    assert broad_handlers(source) == [5, 10, 12, 18]
    assert without_reason(source) == [5, 18]
