"""A clean environment, and folders and files that define runtime parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.unit.runtime_parameters.defined import Folder


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MLOPS_RUNTIME_PARAM")}
    with mock.patch.dict(os.environ, clean, clear=True):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def make(*definitions: dict[str, object], metadata: str | None = None) -> str:
        text = metadata
        if text is None:
            text = json.dumps({"name": "m", "runtimeParameterDefinitions": list(definitions)})
        (tmp_path / "model-metadata.yaml").write_text(text)
        return str(tmp_path)

    return make


@pytest.fixture
def values(tmp_path: Path) -> Callable[[str], str]:
    def make(text: str) -> str:
        path = tmp_path / "values.yaml"
        path.write_text(text)
        return str(path)

    return make
