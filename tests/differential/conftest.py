"""Each test of ``Differential`` runs once for every case of the class."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        found = metafunc.cls.CASES
        metafunc.parametrize("case", found, ids=[case.name.replace(" ", "-") for case in found])


@pytest.fixture(scope="session")
def folders_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("differential")
