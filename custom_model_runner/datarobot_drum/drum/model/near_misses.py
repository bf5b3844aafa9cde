"""What a folder spells nearly as the runner does: files and functions that nobody would look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from datarobot_drum.drum.enum import MODEL_CONFIG_FILENAME, CustomHooks
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.folder import (
    ADDED_ARTIFACTS,
    CUSTOM_FILE,
    JAVA_ARTIFACTS,
    PYTHON_ARTIFACTS,
    R_ARTIFACTS,
    find_user_file,
)
from datarobot_drum.drum.model.metadata_keys import DEFINITION
from datarobot_drum.drum.utils.nearest import did_you_mean, nearest

_FILES: Final = (CUSTOM_FILE, MODEL_CONFIG_FILENAME, "custom_flask.py", "custom_fastapi.py")
# Files with these are read, or may be.
_OTHERS: Final = frozenset(
    (*PYTHON_ARTIFACTS, *R_ARTIFACTS, *JAVA_ARTIFACTS, *ADDED_ARTIFACTS, ".r")
)
_SIMILAR: Final = 0.8
# So that ``default`` is like ``defaultValue``.
_LIKE_A_KEY: Final = 0.73
# Modules of the folder's own may well be called ``custom_ml.py``; helpers, ``load_models``.
_NEARLY_THE_SAME: Final = 0.89


def misnamed_files(code_dir: str) -> list[str]:
    """A sentence for each file at the top level that is nearly called as one that is not there."""
    names = [path.name for path in sorted(Path(code_dir).iterdir()) if path.is_file()]
    missing = [name for name in _FILES if name not in names]
    meant = {name: _meant(name, missing) for name in names if name not in _FILES}
    return [
        f"The file {name} is not read. Did you mean '{other}'?"
        for name, other in meant.items()
        if other is not None and not _below(code_dir, other)
    ]


def misspelt_hooks(module: ModuleType, hooks: frozenset[str]) -> list[str]:
    """A sentence for each function that is nearly called as a hook that is not there."""
    missing = [name for name in CustomHooks.ALL if name not in hooks and not hasattr(module, name)]
    return [
        f"custom.py: the function {name} is no hook{meant}"
        for name in functions_of(module)
        if name not in CustomHooks.ALL and (meant := did_you_mean(name, missing, _NEARLY_THE_SAME))
    ]


def misspelt_definition_keys(metadata: Mapping[str, Any] | None) -> list[str]:
    """A sentence for each key of a parameter's definition that is nearly one that is read."""
    entries = (metadata or {}).get("runtimeParameterDefinitions")
    known = [key.name for key in DEFINITION]
    return [
        f"{MODEL_CONFIG_FILENAME}: the key '{key}' in the definition of"
        f" '{entry.get('fieldName')}' is not read{meant}"
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        for key in map(str, entry)
        if key not in known and (meant := did_you_mean(key, known, _LIKE_A_KEY))
    ]


def functions_of(module: ModuleType) -> Iterator[str]:
    """The public functions that are written there, in their order."""
    for name, value in vars(module).items():
        is_its_own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        if is_its_own and not name.startswith("_"):
            yield name


def _below(code_dir: str, name: str) -> bool:
    """Whether the file is found below the top level, or files are: not all are of use to a run."""
    try:
        return name != MODEL_CONFIG_FILENAME and find_user_file(code_dir, name) is not None
    except StartupError:
        return True


def _meant(name: str, missing: list[str]) -> str | None:
    suffix = Path(name).suffix.lower()
    if suffix in _OTHERS and not name.lower().endswith(".py.txt"):
        return None
    return nearest(name, missing, _NEARLY_THE_SAME if suffix == ".py" else _SIMILAR)
