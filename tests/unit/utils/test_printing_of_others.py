"""Printing where nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datarobot_drum.drum.utils.others_code import lose_what_cannot_be_written

FULL = Path("/dev/full")
# More than any buffer holds; twice, and the end of the process has to write what is left.
PRINTS = """
import sys
from datarobot_drum.drum.utils.others_code import lose_what_cannot_be_written
reasons = []
lose_what_cannot_be_written(reasons.append)
for _ in range(2):
    print("x" * 100_000)
    print("y" * 100_000, file=sys.stderr)
sys.stdout.flush()
open(sys.argv[1], "w").write("\\n".join(sorted(set(reasons))))
"""


def run(report: Path, stdout: int) -> tuple[int, str]:
    command = [sys.executable, "-c", PRINTS, str(report)]
    status = subprocess.run(command, stdout=stdout, stderr=stdout, check=False).returncode
    return status, report.read_text()


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_on_a_full_disk(tmp_path: Path) -> None:
    with FULL.open("wb") as full:
        assert run(tmp_path / "report", full.fileno()) == (0, "No space left on device")


def test_where_the_reader_has_gone(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run(tmp_path / "report", writer) == (0, "Broken pipe")
    finally:
        os.close(writer)


def test_what_can_be_written_arrives_whole(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        assert run(tmp_path / "report", out.fileno()) == (0, "")
    text = (tmp_path / "out").read_text()
    assert (text.count("x"), text.count("y")) == (200_000, 200_000)


def test_a_stream_that_somebody_has_put_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as theirs:
        monkeypatch.setattr(sys, "stdout", theirs)
        monkeypatch.setattr(sys, "stderr", theirs)
        lose_what_cannot_be_written(print)
        assert sys.stdout is sys.stderr is theirs
