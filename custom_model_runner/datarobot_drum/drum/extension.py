"""``custom_flask.py`` and ``custom_fastapi.py``: user code that extends the application."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.folder import find_user_file
from datarobot_drum.drum.utils.others_code import failing_as

logger = get_drum_logger(__name__)

_FRAMEWORK = {"custom_flask": "Flask", "custom_fastapi": "FastAPI"}


def extend(app: Any, code_dir: str, module_name: str) -> None:
    """Hand the application to the folder's ``init_app(app)``, if it has one.

    Called when all routes are registered and before anything is served.

    Args:
        app: the Flask or FastAPI application.
        module_name: ``custom_flask`` or ``custom_fastapi``.

    Raises:
        StartupError: the file cannot be imported or has no ``init_app``.
        RuntimeError: the folder holds several such files.
    """
    path = find_user_file(code_dir, f"{module_name}.py")
    if path is None:
        logger.info("No %s.py in %s", module_name, code_dir)
        return
    with failing_as(partial(_failed, module_name, path)):
        _call_init_app(path, module_name, app)


def _failed(module_name: str, path: Path, error: BaseException) -> StartupError | None:
    text = f"Failed to extend {_FRAMEWORK[module_name]} app from [{path}]"
    if isinstance(error, ImportError):
        return StartupError(f"{text} : {error}")
    # An extension that calls sys.exit must not end the server without a word.
    return None if isinstance(error, Exception) else StartupError(f"{text} : {error!r}")


def _call_init_app(path: Path, module_name: str, app: Any) -> None:
    init_app = getattr(_import(path, module_name), "init_app", None)
    if not callable(init_app):
        raise StartupError(f"{path} has no function init_app(app).")
    init_app(app)


def _import(path: Path, module_name: str) -> ModuleType:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
