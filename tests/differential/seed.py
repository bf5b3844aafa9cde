"""One seed for a whole run, so that a run can be repeated."""

from __future__ import annotations

import os
import secrets
import zlib

import numpy as np

VARIABLE = "DIFFERENTIAL_SEED"


def seed() -> int:
    """The run's seed: from the environment, else a fresh one, which is left there."""
    return int(os.environ.setdefault(VARIABLE, str(secrets.randbelow(2**31))))


def generator(*purpose: str) -> np.random.Generator:
    """Random numbers for one purpose, whichever tests run beside it."""
    return np.random.default_rng([seed(), zlib.crc32("/".join(purpose).encode())])


def repeat_with() -> str:
    """What a failing assertion says."""
    return f"repeat with {VARIABLE}={seed()}"
