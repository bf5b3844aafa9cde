"""A process that the code of others forks ends with that code."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The child does what the argument says; the parent tells how it has ended.
PROGRAM = """
import os, sys

PARENT = os.getpid()

from datarobot_drum.drum.utils.others_code import failing_as

with failing_as(lambda error: ValueError(f"instead of {error!r}")):
    pid = os.fork()
    if pid == 0:
        print("of the child")
        exec(sys.argv[1])
if os.getpid() != PARENT:
    os._exit(77)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize(
    ("way", "status", "told"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('enough')", 1, "enough\n"),
        ("raise KeyError('a')", 1, "KeyError: 'a'\n"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt\n"),
        ("sys.stderr = None; raise KeyError('a')", 1, ""),
        ("sys.stdout.flush(); os.close(1); os.close(2); sys.exit('enough')", 1, ""),
    ],
)
def test_it_ends_as_a_program_would(way: str, status: int, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == str(status)
    assert lines[:-1] == ["of the child"]
    assert done.stderr.endswith(told)
    assert bool(done.stderr) == bool(told)
