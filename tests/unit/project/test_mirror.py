"""The tests of a module are where the module is."""

from __future__ import annotations

from pathlib import Path

from tests.unit.project.modules import FILES, PACKAGE

UNIT = Path(__file__).parents[1]
# What holds for the project as a whole.
PROJECT = Path(__file__).parent
FOLDERS = sorted({path.parent for path in UNIT.rglob("*.py")} - {UNIT, PROJECT})
FILES_OF_TESTS = sorted(path for folder in (UNIT, *FOLDERS) for path in folder.glob("test_*.py"))


def rooms_of(folder: Path) -> list[str]:
    """The packages that a folder of tests may stand for; `drum` is left out in its path."""
    parts = folder.relative_to(UNIT).parts
    return [".".join((PACKAGE, "drum", *parts)), ".".join((PACKAGE, *parts))]


def test_there_are_folders_and_files():
    assert len(FOLDERS) > 20
    assert len(FILES_OF_TESTS) > 100


def test_every_folder_of_tests_has_its_counterpart():
    """A package, or a module that has several files of tests."""
    assert [folder for folder in FOLDERS if not any(r in FILES for r in rooms_of(folder))] == []


def is_at_home(path: Path) -> bool:
    name = path.stem.removeprefix("test_")
    homes = {module for module in FILES if module.rpartition(".")[2] == name}
    rooms = rooms_of(path.parent)
    return not homes or any(f"{room}.{name}" in homes or room in homes for room in rooms)


def test_a_file_of_tests_that_is_named_like_a_module_stands_where_the_module_does():
    assert [path for path in FILES_OF_TESTS if not is_at_home(path)] == []
