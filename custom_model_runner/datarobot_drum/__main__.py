# PYTHON_ARGCOMPLETE_OK
"""The ``drum`` command: failures become one message on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Final

from datarobot_drum.drum.entry_point import run_drum_server
from datarobot_drum.drum.exceptions import BaseCustomUserError, DrumException
from datarobot_drum.drum.utils.arguments import show_stacktrace_given

EXIT_INTERRUPTED: Final = 130

# Raised with a text that says it all: for any other type the text needs the type's name.
_SPEAKING: Final = (DrumException, BaseCustomUserError, ValueError, RuntimeError, OSError)

_SERVER_PACKAGES: Final = ("fastapi", "flask", "gunicorn", "uvicorn")


def main() -> int:
    """Run ``drum`` with the words of ``sys.argv``.

    Returns:
        The exit code. ``SystemExit`` of a command or a server passes through.
    """
    try:
        run_drum_server()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\nCtrl+C pressed, aborting drum\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_has_gone()
    except Exception as error:
        return _report(error)
    return 0


def _report(error: Exception) -> int:
    if show_stacktrace_given(sys.argv[1:], os.environ):
        traceback.print_exception(error)
    sys.stderr.write(f"{_text(error)}\n")
    return error.exit_code if isinstance(error, DrumException) else 1


def _text(error: Exception) -> str:
    text = str(error).strip()
    if isinstance(error, ModuleNotFoundError) and error.name in _SERVER_PACKAGES:
        return f"{text}. This server needs it: pip install {error.name}"
    if isinstance(error, _SPEAKING) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")


def _reader_has_gone() -> int:
    # As in `drum score … | head`: keep the interpreter from failing on its last flush.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    sys.exit(main())
