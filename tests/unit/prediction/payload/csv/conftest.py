"""CSV read with and without what is compiled when the package is built."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from datarobot_drum.drum.prediction.payload.csv import compiled
from datarobot_drum.drum.prediction.payload.csv.library import PATH

HAS_COMPILER = shutil.which("cc") is not None


@pytest.fixture(scope="module")
def with_library() -> None:
    """The compiled reader is there; a checkout with a compiler has to have it."""
    if not PATH.exists() and not HAS_COMPILER:
        pytest.skip("there is no compiler")
    assert compiled.is_there(), "not compiled: python hatch_build.py, or an installation, does it"


@pytest.fixture(scope="module")
def without_library() -> Iterator[None]:
    """As where there was no compiler."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_library", lambda: None)
        yield


@pytest.fixture(scope="module", params=["with_library", "without_library"])
def both_ways(request: pytest.FixtureRequest) -> None:
    """Each test of the module twice."""
    request.getfixturevalue(request.param)
