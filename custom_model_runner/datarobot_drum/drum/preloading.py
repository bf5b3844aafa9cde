"""Load the model before the workers fork, so that they share its memory."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datarobot_drum.drum.enum import RunLanguage
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.figures.shared_directory import shared_directory
from datarobot_drum.drum.serving import collector
from datarobot_drum.drum.settings import Settings
from datarobot_drum.drum.utils.setup import STARTED_AGAIN

if TYPE_CHECKING:
    from datarobot_drum.drum.prediction.service import Service

logger = get_drum_logger("preloading")

# Their linear algebra starts threads as soon as it is imported, and prepares them for forks.
_FIT_TO_FORK: Final = ("numpy", "pandas", "scipy.linalg")


class _UnfitToShare(Exception):
    """Loading the model left something in this process that forked workers would hang on."""


def with_shared_model(
    settings: Settings, serve: Callable[[Service | None], None], can_share: bool = True
) -> None:
    """Call ``serve`` with the loaded service, as ``DRUM_PRELOAD_MODEL`` says, or with None:
    each worker loads its own. The workers share their figures in any case.

    With ``auto`` a model that turns out to be unfit, because loading it started threads or
    CUDA, makes this process start again, under the same id, without preloading.

    Args:
        can_share: False where the workers have to load the model themselves.

    Raises:
        SettingError: preloading is asked for where it cannot be.
        StartupError: the model cannot be loaded.
    """
    try:
        with shared_directory():
            serve(_preloaded(settings, can_share))
    except _UnfitToShare:
        logger.info("This model is not safe to share: each worker loads it.")
        _start_again()


def _preloaded(settings: Settings, can_share: bool) -> Service | None:
    choice = settings.server.processes.preload
    if choice == "on" and not can_share:
        raise SettingError("DRUM_PRELOAD_MODEL is on, but gevent workers load their own model.")
    if choice == "off" or (choice == "auto" and not (can_share and _worth_trying(settings))):
        return None
    _import_libraries()
    threads = _threads()
    if choice == "auto" and threads is None:
        return None
    from datarobot_drum.drum.assembly import build_service

    service = build_service(settings)
    if choice == "auto" and (_has_more_than(threads) or _cuda_is_on()):
        raise _UnfitToShare
    # The garbage collector writes to every object it looks at: keep it away from the model.
    collector.settle()
    return service


def _worth_trying(settings: Settings) -> bool:
    """Several workers, and a model that none of the user's code loads."""
    from datarobot_drum.drum.model.folder import find_user_file, python_artifacts

    model = settings.model
    return (
        settings.server.processes.workers > 1
        and model.language in (None, RunLanguage.PYTHON)
        and STARTED_AGAIN not in os.environ
        and find_user_file(model.code_dir, "custom.py") is None
        and bool(python_artifacts(model.code_dir))
    )


def _import_libraries() -> None:
    for name in _FIT_TO_FORK:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _threads() -> int | None:
    """Threads of this process, native ones too; None where the system does not tell.

    Python knows only its own, while those of a library's are what a fork would hang on.
    """
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return None


def _has_more_than(threads: int | None) -> bool:
    now = _threads()
    return threads is None or now is None or now > threads


def _cuda_is_on() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _start_again() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, command, {**os.environ, STARTED_AGAIN: "1"})
