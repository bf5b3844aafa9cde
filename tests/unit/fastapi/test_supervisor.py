"""A supervisor by itself: its workers are forks that load nothing."""

from __future__ import annotations

import subprocess
import sys

# Arguments: which forks fail, and which worker ends at once when it is ready.
PROGRAM = """
import os, signal, sys, time
from datarobot_drum.drum.fastapi.supervisor import Supervisor
from datarobot_drum.drum.serving.listening import bind
from datarobot_drum.drum.serving.orders import Orders
from datarobot_drum.drum.serving.signals import StopSignals

fails, dies = eval(sys.argv[1]), eval(sys.argv[2])
forks = 0
fork = os.fork

def counted():
    global forks
    forks += 1
    if forks in fails:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return fork()

os.fork = counted

def run_worker(channel, signals):
    signals.serving = True
    channel.ready()
    if forks in dies:
        os._exit(1)
    os.kill(channel.supervisor, signal.SIGTERM)
    while signals.first is None:
        time.sleep(0.01)

Supervisor(
    1, run_worker, bind("127.0.0.1", 0), 5, StopSignals(), Orders(), graceful_timeout=30
).run()
print(forks)
"""


def supervise(fails: tuple[int, ...], dies: tuple[int, ...]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, repr(fails), repr(dies)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_fork_that_fails_is_tried_again() -> None:
    done = supervise(fails=(2,), dies=(1,))
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert (
        "could not start (Resource temporarily unavailable): trying again in 1 seconds."
        in done.stderr
    )


def test_a_first_fork_that_fails_ends_the_server() -> None:
    done = supervise(fails=(1,), dies=())
    assert done.returncode == 1
    assert (
        "A worker process could not start (Resource temporarily unavailable): the server ends."
        in done.stderr
    )
