"""What processes that have ended had counted, and what may lie in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datarobot_drum.drum.prediction.figures import peers
from datarobot_drum.drum.prediction.figures.shared_counters import SharedCounters


@pytest.mark.parametrize("kind", ["a pipe", "a link", "a directory"])
def test_they_are_read_from_a_file_only(tmp_path: Path, kind: str) -> None:
    one = SharedCounters(str(tmp_path))
    retired = tmp_path / peers.RETIRED
    if kind == "a pipe":
        os.mkfifo(retired)
    elif kind == "a link":
        (tmp_path / "elsewhere").write_text('{"a": 5.0}')
        retired.symlink_to("elsewhere")
    else:
        retired.mkdir()
    one.add((one.slot("a"), 1.0))
    assert [one.totals(), one.totals()] == [{"a": 1.0}, {"a": 1.0}]
    one.close()
