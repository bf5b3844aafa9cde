"""The contract suite: every test with the ``serve`` fixture runs on every front."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.folders import Folders
from tests.contract.fronts import Front, Serve, ServerProcesses, every_front


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="session")
def processes() -> Iterator[ServerProcesses]:
    processes = ServerProcesses()
    yield processes
    processes.close()


@pytest.fixture(
    scope="module",
    params=every_front(),
)
def front(request: pytest.FixtureRequest, processes: ServerProcesses) -> Iterator[Front]:
    """One way to serve."""
    front = Front(request.param, processes)
    yield front
    front.close()


@pytest.fixture(scope="module")
def serve(front: Front) -> Serve:
    """``serve(folder)``: a client of a server that has loaded the folder."""
    return front.serve
