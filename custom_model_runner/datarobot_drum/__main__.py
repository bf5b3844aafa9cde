# PYTHON_ARGCOMPLETE_OK
"""The ``drum`` command: failures become one message on stderr and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from datarobot_drum.drum import logs
from datarobot_drum.drum.command_line.arguments import show_stacktrace_given
from datarobot_drum.drum.entry_point import run_drum_server
from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.serving import ending
from datarobot_drum.drum.settings import log_settings
from datarobot_drum.drum.utils.failures import exit_status, report_failure

EXIT_INTERRUPTED: Final = 130


def main() -> int:
    """Run ``drum`` with the words of ``sys.argv``.

    Returns:
        The exit code. ``SystemExit`` of a command or a server passes through.
    """
    _open_missing_streams()
    _begin_log()
    try:
        run_drum_server()
    except KeyboardInterrupt:
        sys.stderr.write("\nCtrl+C pressed, aborting drum\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return 1
    # Nothing is above: what has not been foreseen becomes a message and a status as well.
    except Exception as error:
        return _report(error)
    _flush_stdout()
    return 0


def run() -> int:
    """``main`` as the whole of a process, which then ends in time."""
    try:
        status = main()
    except SystemExit as error:
        ending.end(_status_of(error))
        raise
    ending.end(status)
    return status


def _status_of(error: SystemExit) -> int:
    """As Python has it."""
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _open_missing_streams() -> None:
    """Stand in for streams that the caller has closed, as some supervisors do.

    Otherwise the next file or socket becomes number 1, and what a hook prints goes there.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, open(descriptor, "w" if descriptor else "r"))  # noqa: SIM115


def _begin_log() -> None:
    """The log begins before the command line is read: with what the environment says."""
    with contextlib.suppress(DrumException):
        # What cannot be used is refused in its turn.
        logs.use_json(log_settings().as_json)
    logs.wrap_streams("stderr")


def _report(error: Exception) -> int:
    report_failure(error, show_stacktrace_given(sys.argv[1:], os.environ))
    return exit_status(error)


def _flush_stdout() -> None:
    """A server that was told to stop has done so, whether or not its log is still read."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()


def _forget_stdout() -> None:
    # As in `drum score … | head`: keep the interpreter from failing on its last flush.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(run())
