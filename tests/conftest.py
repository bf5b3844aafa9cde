"""What every test may rely on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from unittest.mock import patch

import pytest

from tests import spelled
from tests.differential import seed as differential
from tests.fuzz import seed as fuzz
from tests.servers.harness import COVERAGE_VARIABLE

# Variables of a developer's shell that would change what is tested.
UNWANTED = ("MLOPS_RUNTIME_PARAM_", "DRUM_", "CUSTOM_MODEL_WORKERS", "MAX_WORKERS", "URL_PREFIX")
UNWANTED += ("TARGET_TYPE", "TARGET_NAME", "CODE_DIR", "ADDRESS", "CLASS_LABELS", "OTEL_")
# What a test starts is measured only where the harness of the servers says so: scripts that ask
# what was imported, or what a request costs, are to run as they would at a user's.
UNWANTED += (COVERAGE_VARIABLE,)


@pytest.fixture(autouse=True, scope="session")
def clean_environment() -> Iterator[None]:
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(UNWANTED)]:
            del os.environ[name]
        yield


@pytest.fixture(autouse=True)
def secrets_of_one_test() -> Iterator[None]:
    """What one test hides is no secret in the next."""
    yield
    masking = sys.modules.get("datarobot_drum.drum.masking")
    if masking is not None:
        masking.SECRETS.put(())
        masking._read.clear()


def pytest_configure() -> None:
    # Before any process of the run is started: all of them draw from one seed.
    differential.seed()
    fuzz.seed()
    spelled.seed()
    # Not where only the imports are checked.
    if find_spec("hypothesis") is not None:
        draw_without_a_clock()


def draw_without_a_clock() -> None:
    """How long an example takes says more of the machine than of the code."""
    from hypothesis import HealthCheck, settings

    slow = [HealthCheck.too_slow]
    settings.register_profile(
        "drum", deadline=None, print_blob=True, suppress_health_check=slow, derandomize=False
    )
    settings.load_profile("drum")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The seeds, also where all is well and pytest is told to be quiet."""
    terminalreporter.write_line(f"differential suite: {differential.repeat_with()}")
    terminalreporter.write_line(f"malformed requests: {fuzz.repeat_with()}")
    terminalreporter.write_line(f"drawn secrets: {spelled.repeat_with()}")
