"""Served models for the Open Inference Protocol."""

from __future__ import annotations

import pytest

from tests.contract.clients import Calls
from tests.contract.folders import Folders
from tests.contract.fronts import Serve
from tests.contract.open_inference.requests import ECHO_TYPES


@pytest.fixture
def regression(serve: Serve, folders: Folders) -> Calls:
    return serve(folders.regression)


@pytest.fixture
def echo(serve: Serve, folders: Folders) -> Calls:
    return serve(folders.make("echo_types", {"custom.py": ECHO_TYPES}).of_type("regression"))
