"""`drum score` as a shell sees it: results on stdout, everything else on stderr."""

from __future__ import annotations

import gc
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


def test_a_child_that_a_hook_left_ends_without_a_word(tmp_path: Path):
    leaving = """
    import multiprocessing, signal, time

    def score(data, model, **kwargs):
        ready, writer = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.Process(target=wait, args=(writer,), daemon=True)
        child.start()
        ready.recv()
        return pd.DataFrame({"Predictions": data["a"]})

    def wait(writer):
        writer.send("ready")
        time.sleep(600)
    """
    done = score(write_folder(tmp_path / "model", leaving), "a\n3\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Predictions\n3\n", "")


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


@pytest.mark.parametrize(
    ("output", "reason"),
    [("results", "it is a directory"), ("nowhere/out.csv", "there is no directory")],
)
def test_an_output_that_cannot_be_written_is_found_before_the_model_runs(
    folder: Path, tmp_path: Path, output: str, reason: str
):
    (tmp_path / "results").mkdir()
    done = score(folder, "a\n3\n", "--output", str(tmp_path / output))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"argument --output: {tmp_path / output} cannot be written: {reason}" in done.stderr
    assert "loading" not in done.stderr


def test_a_full_disk_is_told_with_the_name_of_the_file(folder: Path):
    done = score(folder, "a\n3\n", "--output", "/dev/full")
    assert done.returncode == 1
    told = "The predictions cannot be written to /dev/full: No space left on device"
    assert done.stderr.splitlines()[-1] == told


COLLECTED = f"""
import gc
ORDINARY = {gc.get_threshold()}

def score(data, model, **kwargs):
    assert gc.isenabled() and gc.get_threshold() == ORDINARY
    # What was imported before is not looked at again, neither now nor at the end.
    assert gc.get_freeze_count() > len(gc.get_objects())
    return pd.DataFrame({{"Predictions": data["a"]}})
"""


def test_the_garbage_collector_leaves_what_is_loaded_alone(tmp_path: Path):
    done = score(write_folder(tmp_path / "model", COLLECTED), "a\n3\n")
    assert (done.returncode, done.stdout) == (0, "Predictions\n3\n"), done.stderr


def test_dev_stdout_is_stdout_and_keeps_what_the_shell_appends_to(folder: Path, tmp_path: Path):
    (folder / "rows.csv").write_text("a\n3\n")
    everything = tmp_path / "all.csv"
    everything.write_text("before\n")
    command = [sys.executable, "-m", "datarobot_drum", "score", "--target-type", "regression"]
    command += ["--code-dir", str(folder), "--input", str(folder / "rows.csv")]
    with everything.open("ab") as appended:
        subprocess.run(
            [*command, "--output", "/dev/stdout"],
            stdout=appended,
            stderr=subprocess.DEVNULL,
            check=True,
            env=environment(),
        )
    assert everything.read_text() == "before\nPredictions\n1.0\n"


def test_streams_that_the_caller_closed_are_not_missed(folder: Path, tmp_path: Path):
    (folder / "rows.csv").write_text("a\n3\n")
    output = tmp_path / "out.csv"
    words = f"-m datarobot_drum score --target-type regression --output {output}"
    command = f"'{sys.executable}' {words} -cd {folder} --input {folder}/rows.csv"
    subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], check=True, env=environment())
    assert output.read_text() == "Predictions\n1.0\n"


@pytest.mark.parametrize("hook", ["load_model(code_dir)", "score(data, model, **kwargs)"])
def test_sys_exit_in_a_hook_is_a_failure(tmp_path: Path, hook: str):
    folder = write_folder(tmp_path / "model", f"import sys\ndef {hook}:\n    sys.exit(7)\n")
    done = score(folder, "a\n1\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "SystemExit(7)" in done.stderr
    assert f"custom.py, line 7, in {hook.partition('(')[0]}" in done.stderr
