"""How long a module and a function may be, in the product and in what is around it."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.unit.project.modules import FILES

MODULE_LINES = 400
FUNCTION_LINES = 60
ROOT = Path(__file__).parents[3]
AROUND = [path for room in ("tests", "scripts", "benchmarks") for path in (ROOT / room).rglob("*")]
SCRIPTS = [path for path in AROUND if path.parent.name == "scripts" and path.is_file()]
PYTHON = sorted([*FILES.values(), *(path for path in AROUND if path.suffix == ".py")])


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if ROOT in path.parents else path)


def test_all_rooms_are_looked_at():
    rooms = {
        path.relative_to(ROOT).parts[0] for path in (*PYTHON, *SCRIPTS) if ROOT in path.parents
    }
    assert {"tests", "scripts", "benchmarks"} <= rooms
    assert len(FILES) > 150


def test_no_file_is_too_long():
    lengths = {shown(path): len(path.read_text().splitlines()) for path in {*PYTHON, *SCRIPTS}}
    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_too_long():
    """Decorators are not counted: a table of cases is data."""
    lengths = {
        f"{shown(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lengths) > 3000
    assert {place: lines for place, lines in lengths.items() if lines > FUNCTION_LINES} == {}
