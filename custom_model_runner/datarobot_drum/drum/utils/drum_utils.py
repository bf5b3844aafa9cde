"""For compatibility only: what test-suites of model folders use to start from a clean shell."""

from __future__ import annotations

import os
from collections.abc import Iterable

from datarobot_drum.drum.enum import ArgumentOptionsEnvVars


def unset_drum_supported_env_vars(additional_unset_vars: Iterable[str] = ()) -> None:
    """Remove the variables that stand in for options from this process's environment."""
    names = ArgumentOptionsEnvVars.VALUE_VARS + ArgumentOptionsEnvVars.BOOL_VARS
    for name in (*names, *additional_unset_vars):
        os.environ.pop(name, None)
