"""How the end of a process is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from datarobot_drum.drum.serving.family import how_it_ended


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "exit status 0"),
        (9 << 8, "exit status 9"),
        (signal.SIGKILL, "killed by SIGKILL"),
        (signal.SIGSEGV | 128, "killed by SIGSEGV"),
    ],
)
def test_statuses_in_words(status: int, text: str) -> None:
    assert how_it_ended(status) == text


def test_every_signal_can_be_told() -> None:
    for number in signal.valid_signals():
        assert how_it_ended(number).startswith("killed by ")


def test_a_child_whose_parent_is_gone_already_is_told_to_end() -> None:
    code = (
        "from datarobot_drum.drum.serving.family import end_with_parent\n"
        "end_with_parent(1 << 22)\n"
        "while True: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60)
    assert done.returncode == -signal.SIGTERM


def test_a_child_of_a_living_parent_goes_on() -> None:
    code = f"from datarobot_drum.drum.serving.family import *; end_with_parent({os.getpid()})"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
