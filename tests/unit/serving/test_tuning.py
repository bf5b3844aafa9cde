"""What a server's process is told at its start, and when it is left alone."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys

import pytest

from datarobot_drum.drum.serving import tuning
from tests.servers.harness import runtime_parameter

# Memory of 20 MB, above the first threshold: taken and given back ten times. Prints the page
# faults of the last five.
FAULTS = """
import resource, sys
from datarobot_drum.drum.serving import tuning

if sys.argv[1] == "tuned":
    assert tuning.keep_freed_memory({})
keep = []
for turn in range(10):
    if turn == 5:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    # What glibc takes as a sign to give memory back: more than twice the threshold at the end.
    pieces = [b"x" * 20_000_000 for _ in range(3)]
    del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc's")


def faults(word: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, word], capture_output=True, check=True, text=True
    )
    return int(done.stdout)


@glibc
def test_freed_memory_is_used_again_without_page_faults() -> None:
    assert faults("plain") > 10 * faults("tuned") + 10_000


def test_the_users_own_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "20")
    tuning.let_blas_threads_sleep()
    assert tuning.os.environ["OPENBLAS_THREAD_TIMEOUT"] == "20"
    assert not tuning.keep_freed_memory({"MALLOC_TRIM_THRESHOLD_": "1"})


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_other_systems_are_left_as_they_are(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def no_library(_name: None) -> None:
        raise error

    monkeypatch.setattr(tuning.ctypes, "CDLL", no_library)
    assert not tuning.keep_freed_memory({})


@pytest.mark.parametrize("server_type", ["flask", "gunicorn", "fastapi"])
def test_too_few_descriptors_are_named_before_anything_fails_of_them(server_type: str) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))\n"
        "import runpy; runpy.run_module('datarobot_drum', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "server", "--code-dir", ".", "--target-type", "regression"],
        env={**os.environ, "MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": runtime_parameter(server_type)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "This process may have 12 open files (ulimit -n): a server needs 64 at least,"
        " and one more for each connection.\n"
    )


@pytest.mark.parametrize("limit", [tuning.FEWEST_DESCRIPTORS, resource.RLIM_INFINITY])
def test_enough_descriptors_are_enough(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (limit, limit))
    tuning.require_descriptors()
