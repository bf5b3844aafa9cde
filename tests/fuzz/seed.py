"""The seed of a run: fresh each time, and told, so that the run can be repeated."""

from __future__ import annotations

import os
import secrets

VARIABLE = "FUZZ_SEED"


def seed() -> int:
    """From the environment, else a fresh one, which is left there for the processes of a run."""
    return int(os.environ.setdefault(VARIABLE, str(secrets.randbelow(2**31))))


def repeat_with() -> str:
    return f"repeat with {VARIABLE}={seed()}, or scripts/fuzz --seed {seed()}"
