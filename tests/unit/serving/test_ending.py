"""A process ends in time, with its own status, whatever user code has left or wants to do."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

HEAD = """
import multiprocessing, signal, sys, threading, time
from datarobot_drum.drum.serving import ending, signals

stopping = signals.StopSignals()
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    program = HEAD + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("lambda number, frame: print('called with', number, frame)", "called with 15 None"),
        ("lambda number, frame: time.sleep(600)", ""),
        ("lambda number, frame: sys.exit(3)", ""),
        ("signal.default_int_handler", ""),
        ("signal.SIG_IGN", ""),
    ],
)
def test_the_users_handler_is_called_at_the_end_and_changes_no_status(
    handler: str, said: str
) -> None:
    done = run(f"""
        signal.signal(signal.SIGTERM, {handler})
        stopping.serve()
        signal.raise_signal(signal.SIGTERM)
        assert stopping.first is signal.SIGTERM
        sys.stdout.flush()
        ending.limit_end(ending.Limit(1.0, ends_threads=True))
        ending.end(7)
        sys.exit(7)
    """)
    assert done.returncode == 7
    assert done.stdout.strip() == said
    assert "Traceback" not in done.stderr


def test_a_handler_that_fails_is_told_of_with_its_place() -> None:
    done = run("""
        def fail(number, frame):
            raise ValueError("the flag is gone")

        signal.signal(signal.SIGTERM, fail)
        stopping.serve()
        signal.raise_signal(signal.SIGTERM)
        ending.end(0)
    """)
    assert done.returncode == 0
    assert "The model's signal handler failed: ValueError('the flag is gone')" in done.stderr


def test_without_a_signal_nobody_is_called() -> None:
    done = run("""
        signal.signal(signal.SIGTERM, lambda number, frame: print("called"))
        stopping.serve()
        ending.end(0)
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_command_ends_its_children_and_waits_for_threads() -> None:
    done = run("""
        def work():
            time.sleep(600)

        def finish():
            child.join()
            print(child.exitcode, flush=True)

        child = multiprocessing.get_context("fork").Process(target=work, name="worker-of-a-hook")
        child.start()
        threading.Thread(target=finish).start()
        ending.limit_end(ending.Limit(0.2, ends_threads=False))
        ending.end(0)
    """)
    assert (done.returncode, done.stdout) == (0, "-15\n")
    assert "worker-of-a-hook" in done.stderr


def test_a_signal_that_user_code_has_blocked_ends_the_server_all_the_same() -> None:
    done = run("""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        signal.raise_signal(signal.SIGTERM)
        stopping.serve()
        print(int(stopping.first))
    """)
    assert done.stdout.strip() == "15"


def test_a_timer_that_user_code_has_started_changes_no_status() -> None:
    # The interpreter takes the handlers away before it has ended.
    done = run("""
        signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)

        class Slow:
            def __del__(self):
                time.sleep(0.5)

        ending.end(7)
        threading.kept = Slow()
        sys.exit(7)
    """)
    assert done.returncode == 7
