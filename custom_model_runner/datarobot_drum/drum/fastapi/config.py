"""What the server needs that may not be installed."""

from __future__ import annotations

import importlib.util

from datarobot_drum.drum.exceptions import SettingError, StartupError


def require_packages() -> None:
    """Find out early, and without importing them, that the server's packages are there.

    Raises:
        StartupError: one is missing; the text says how to install it.
    """
    for name in ("fastapi", "uvicorn"):
        if not _installed(name):
            raise StartupError(
                f"The fastapi server needs the package {name}."
                " Install it with: pip install 'custom-model-runner[fastapi]'"
            )


def uses_uvloop(choice: str) -> bool:
    """Whether to run on uvloop instead of asyncio's own loop.

    Args:
        choice: the loop that is set: ``auto``, ``asyncio`` or ``uvloop``.

    Raises:
        SettingError: uvloop is asked for and not installed.
    """
    installed = _installed("uvloop")
    if choice == "uvloop" and not installed:
        raise SettingError(
            "DRUM_UVICORN_LOOP is uvloop, but uvloop is not installed."
            " Install it with: pip install uvloop"
        )
    return installed and choice != "asyncio"


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
