"""`drum score` as a shell sees it: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.servers.harness import environment
from tests.unit.folders import write_folder

CHATTY = """
import os

print("loading")

def score(data, model, **kwargs):
    print("scoring")
    os.write(1, b"from below\\n")
    if (data["a"] < 0).any():
        raise ValueError("negative")
    return pd.DataFrame({"Predictions": data["a"] / 3})
"""


def score(folder: Path, rows: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "rows.csv").write_text(rows)
    command = [sys.executable, "-m", "datarobot_drum", "score", "--target-type", "regression"]
    command += ["--code-dir", str(folder), "--input", str(folder / "rows.csv"), *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "model", CHATTY)


def test_decision_14_the_whole_csv_and_nothing_else_is_on_stdout(folder: Path):
    done = score(folder, "a\n" + "1\n" * 500)
    assert done.returncode == 0
    assert pd.read_csv(io.StringIO(done.stdout))["Predictions"].tolist() == [1 / 3] * 500
    assert [word in done.stderr for word in ("loading", "scoring", "from below")] == [True] * 3


def test_decision_13_show_perf_works_and_leaves_stdout_alone(folder: Path):
    done = score(folder, "a\n3\n", "--show-perf")
    assert (done.returncode, done.stdout) == (0, "Predictions\n1.0\n")
    assert "Run time (incl reading CSV):" in done.stderr


def test_decision_14_output_is_whole(folder: Path, tmp_path: Path):
    output = tmp_path / "out.csv"
    output.write_text("what was there before, and was longer\n")
    done = score(folder, "a\n3\n6\n", "--output", str(output))
    assert (done.returncode, done.stdout) == (0, "")
    assert output.read_text() == "Predictions\n1.0\n2.0\n"


@pytest.mark.parametrize("before", [None, "old\n"])
def test_decision_14_output_of_a_failed_run_is_what_it_was(
    folder: Path, tmp_path: Path, before: str | None
):
    output = tmp_path / "results" / "out.csv"
    output.parent.mkdir()
    if before is not None:
        output.write_text(before)
    done = score(folder, "a\n-1\n", "--output", str(output))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [path.read_text() for path in output.parent.iterdir()] == [before] * bool(before)
