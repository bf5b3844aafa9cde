"""What lies in a model folder: its language, its artifacts, its extension files.

Detection and loading ask the same functions, so they cannot disagree. Artifacts count at
the top level only; ``custom.py`` and the server extensions may lie below it, once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from datarobot_drum.drum.enum import RunLanguage
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.mistaken import is_lfs_pointer, what_instead

CUSTOM_FILE: Final = "custom.py"
MLMODEL_FILE: Final = "MLmodel"
PYTHON_ARTIFACTS: Final = (".h5", ".joblib", ".onnx", ".pkl", ".pth")
R_ARTIFACTS: Final = (".rds",)
JAVA_ARTIFACTS: Final = (".jar", ".java", ".mojo", ".zip")
# Looked at only in a folder that has none of the above, so that a resource lying beside an
# artifact never makes a folder ambiguous.
ADDED_ARTIFACTS: Final = (".cbm", ".json", ".keras", ".pt", ".skops", ".txt", ".ubj")

# What writes models into them; anybody else may, too.
_TEXT_FORMATS: Final = {".json": "XGBoost", ".txt": "LightGBM"}

_REQUIREMENTS: Final = "requirements.txt"

_LISTED_FILES: Final = 100
_NAMED_FILES: Final = 5
_HEAD_BYTES: Final = 1024


def find_user_file(code_dir: str, name: str) -> Path | None:
    """Find ``name`` (``custom.py``, ``custom_flask.py``, ``custom_fastapi.py``) in a folder.

    Hidden directories are left out: version control, environments, and the copies that
    Kubernetes keeps behind the links of a mounted folder.

    Raises:
        StartupError: the folder holds more than one.
    """
    found = [path for path in _visible_files(code_dir) if path.name == name]
    if len(found) > 1:
        raise StartupError(f"Found too many custom hook files: {[str(path) for path in found]}")
    return found[0] if found else None


def python_artifacts(code_dir: str) -> list[Path]:
    """The files at the top level that a Python framework may read, in name order.

    A folder saved by MLflow counts as one artifact, its ``MLmodel`` file, unless several
    serialized models lie beside it.
    """
    files = _top_level(code_dir)
    artifacts = _with_extension(files, PYTHON_ARTIFACTS)
    mlmodel = [path for path in files if path.name == MLMODEL_FILE]
    if mlmodel and len(artifacts) < 2:
        return mlmodel
    if artifacts or _with_extension(files, R_ARTIFACTS + JAVA_ARTIFACTS):
        return artifacts
    added = _with_extension(files, ADDED_ARTIFACTS)
    # A pointer says nothing of what it stands for; reading it says what to do.
    return list(filter(_holds_a_model, added)) or list(filter(is_lfs_pointer, added))


def mistaken_artifacts(code_dir: str) -> list[str]:
    """Of each file at the top level that bears a model's name and is none: what it is."""
    # Anybody's text may have the names of text formats.
    paths = _with_extension(_top_level(code_dir), PYTHON_ARTIFACTS + ADDED_ARTIFACTS)
    named = [path for path in paths if path.suffix.lower() not in _TEXT_FORMATS]
    with contextlib.suppress(OSError):
        return [text for text in map(what_instead, named) if text is not None]
    return []


def uncounted_files(code_dir: str, texts: bool = True) -> list[str]:
    """Of each file that bears a model's name and is no artifact of the folder: why not.

    Args:
        texts: also those with the names of text formats, which are anybody's.
    """
    counted = python_artifacts(code_dir)
    others = _with_extension(_top_level(code_dir), R_ARTIFACTS + JAVA_ARTIFACTS)
    rivals = ", ".join(path.name for path in counted or others)
    reasons = []
    for path in _with_extension(_visible_files(code_dir), PYTHON_ARTIFACTS + ADDED_ARTIFACTS):
        at_the_top = path.parent == Path(code_dir)
        writer = _TEXT_FORMATS.get(path.suffix.lower())
        is_of_interest = writer is None or (texts and at_the_top and path.name != _REQUIREMENTS)
        if path in counted or not is_of_interest:
            continue
        reason = f"not beside {rivals}" if rivals else f"only what {writer} wrote"
        if not at_the_top:
            reason = "only the top level of the folder is looked at"
        reasons.append(f"{os.path.relpath(path, code_dir)} ({reason})")
    return reasons


def detect_language(code_dir: str) -> RunLanguage:
    """Tell the language of a folder from its hooks and artifacts.

    Raises:
        StartupError: nothing tells it, or hooks and artifacts tell different ones.
    """
    if Path(code_dir, CUSTOM_FILE).is_file():
        return RunLanguage.PYTHON
    by_custom = _language_by_custom(code_dir)
    by_artifacts = _language_by_artifacts(code_dir)
    language = by_custom or by_artifacts
    if language is None or (by_custom and by_artifacts and by_custom is not by_artifacts):
        raise StartupError(_undetected(code_dir, by_artifacts, by_custom))
    return language


def retrieved_files(code_dir: str) -> str:
    """The names at the top level, as the messages about artifacts list them; not what Python keeps
    of the hooks' code.
    """
    return " | ".join(sorted({*os.listdir(code_dir)} - {"__pycache__"}))


def _language_by_custom(code_dir: str) -> RunLanguage | None:
    python = find_user_file(code_dir, CUSTOM_FILE) is not None
    in_r = any(Path(code_dir, name).is_file() for name in ("custom.R", "custom.r"))
    if python is in_r:
        return None
    return RunLanguage.PYTHON if python else RunLanguage.R


def _language_by_artifacts(code_dir: str) -> RunLanguage | None:
    groups = _artifacts_by_language(code_dir)
    return next(iter(groups)) if len(groups) == 1 else None


def _artifacts_by_language(code_dir: str) -> dict[RunLanguage, list[Path]]:
    """The languages of which there are artifacts."""
    files = _top_level(code_dir)
    groups = {
        RunLanguage.PYTHON: python_artifacts(code_dir),
        RunLanguage.R: _with_extension(files, R_ARTIFACTS),
        RunLanguage.JAVA: _with_extension(files, JAVA_ARTIFACTS),
    }
    return {language: paths for language, paths in groups.items() if paths}


def _undetected(
    code_dir: str, by_artifacts: RunLanguage | None, by_custom: RunLanguage | None
) -> str:
    names = sorted(
        os.path.relpath(os.path.join(root, name), code_dir)
        for root, _, files in os.walk(code_dir)
        for name in files
    )
    listing = "\n".join(names[:_LISTED_FILES])
    uncounted = uncounted_files(code_dir)
    return (
        "Can not detect language by artifacts and/or custom.py/R files.\n"
        f"Detected: language by artifacts - {_name(by_artifacts)}; "
        f"language by custom - {_name(by_custom)}.\n"
        "Code directory must have one or more model artifacts belonging to the same language:\n"
        "Python/R/Java, with an extension:\n"
        f"Python models: {[*PYTHON_ARTIFACTS, *ADDED_ARTIFACTS, MLMODEL_FILE]}\n"
        f"R models: {[*R_ARTIFACTS]}\n"
        f"Java models: {[*JAVA_ARTIFACTS]}.\n"
        "Or one of custom.py/R files.\n"
        f"{not_counted(uncounted)}{_rival_languages(code_dir)}\n"
        f"Files(100 first) found in {code_dir}:\n{listing}"
    )


def not_counted(reasons: list[str]) -> str:
    """A line about files that are no artifacts, or nothing."""
    more = len(reasons) - _NAMED_FILES
    shown = ", ".join(reasons[:_NAMED_FILES]) + (f" and {more} more" if more > 0 else "")
    return f"No artifact: {shown}.\n" if reasons else ""


def _rival_languages(code_dir: str) -> str:
    groups = _artifacts_by_language(code_dir)
    if len(groups) < 2:
        return ""
    found = (
        f"{', '.join(path.name for path in paths)} ({language.value})"
        for language, paths in groups.items()
    )
    return f"Artifacts of several languages: {', '.join(found)}.\n"


def _name(language: RunLanguage | None) -> str:
    return language.value if language else "None"


def _top_level(code_dir: str) -> list[Path]:
    return sorted(path for path in Path(code_dir).iterdir() if path.is_file())


def _visible_files(code_dir: str) -> Iterator[Path]:
    for root, folders, files in os.walk(code_dir):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        yield from (Path(root, name) for name in sorted(files))


def _with_extension(files: Iterable[Path], extensions: tuple[str, ...]) -> list[Path]:
    return [path for path in files if path.suffix.lower() in extensions]


def _holds_a_model(path: Path) -> bool:
    """Text formats are anybody's: a ``.json`` or ``.txt`` counts by its first bytes only."""
    suffix = path.suffix.lower()
    if suffix not in _TEXT_FORMATS:
        return True
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if suffix == ".json":
        return head.lstrip().startswith(b"{") and b'"learner"' in head
    return head.replace(b"\r\n", b"\n").startswith(b"tree\nversion=")
