"""The package's modules, found as Python finds them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages

PACKAGE = "datarobot_drum"


def file_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None, f"there is no module {module}"
    assert spec.origin is not None, f"{module} is a folder without an __init__.py"
    return Path(spec.origin)


def folder_of(package: str) -> Path:
    return Path(import_module(package).__path__[0])


def failed(package: str) -> None:
    """Without it, a package that cannot be imported would be left out in silence."""
    raise ImportError(f"cannot look into {package}")


# The file of every module, by the module's name.
FILES = {PACKAGE: file_of(PACKAGE)} | {
    found.name: file_of(found.name)
    for found in walk_packages([str(folder_of(PACKAGE))], f"{PACKAGE}.", failed)
}
