"""What a process that cannot go on says on stderr: one message, once."""

from __future__ import annotations

import sys
import traceback
from typing import Final

from datarobot_drum.drum.exceptions import BaseCustomUserError, DrumException

# Raised with a text that says it all: for any other type the text needs the type's name.
_SPEAKING: Final = (DrumException, BaseCustomUserError, ValueError, RuntimeError, OSError)


def failure_text(error: BaseException) -> str:
    """The error in the words a user needs, without a traceback."""
    text = str(error).strip()
    if isinstance(error, _SPEAKING) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")


def report_failure(error: BaseException, with_traceback: bool = False) -> None:
    """Write the error to stderr, for processes whose exceptions nobody else will see."""
    if with_traceback:
        traceback.print_exception(error)
    sys.stderr.write(f"{failure_text(error)}\n")
    sys.stderr.flush()
