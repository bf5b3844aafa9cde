"""What a process that cannot go on says on stderr: one message, once."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from datarobot_drum.drum.exceptions import BaseCustomUserError, DrumException
from datarobot_drum.drum.logs import write_failure
from datarobot_drum.drum.masking import without_internals

# Raised with a text that says it all: for any other type the text needs the type's name.
_SPEAKING: Final = (DrumException, BaseCustomUserError, ValueError, RuntimeError, OSError)

# A hook's error may hold a whole payload.
_LONGEST_LINE: Final = 2000

_SERVER_PACKAGES: Final = ("fastapi", "flask", "gunicorn", "uvicorn")
_PACKAGE_DIR: Final = str(Path(__file__).parents[2]) + os.sep


def failure_text(error: BaseException) -> str:
    """The error in the words a user needs: no traceback, but where in the user's code it was."""
    text = without_internals(str(error)).strip()
    place = _place_in_user_code(error)
    if isinstance(error, ModuleNotFoundError) and error.name in _SERVER_PACKAGES:
        text = f"{text}. This server needs it: pip install {error.name}"
    else:
        text = _with_type(error, text).strip() or type(error).__name__
    return text if place is None else f"{text}\n  at {place}"


def failure_line(error: BaseException, text: str) -> str:
    """The same for the log, on one line of bounded length.

    Args:
        text: what is told of the error; the type of what was raised is added where it does not
            say it, since the text of a ``KeyError`` is the key alone.
    """
    place = _place_in_user_code(error)
    line = " ".join(_with_type(error, text).split())
    if len(line) > _LONGEST_LINE:
        line = f"{line[:_LONGEST_LINE]}…"
    return line if place is None else f"{line} (at {place})"


def _with_type(error: BaseException, text: str) -> str:
    """The text with the type of what was raised, where it needs that and does not have it."""
    is_ours = isinstance(error, DrumException)
    raised = error.__cause__ if is_ours else error
    # What we say of others' errors is in our own words, unless it is theirs.
    if raised is None or isinstance(raised, _SPEAKING) or (is_ours and text != str(raised)):
        return text
    name = type(raised).__name__
    return text if text.startswith(name) else f"{name}: {text}"


def is_explained(error: BaseException) -> bool:
    """Whether text and place say it all; what else fails is a fault of this program's."""
    return isinstance(error, DrumException) or _place_in_user_code(error) is not None


def report_failure(error: BaseException, with_traceback: bool = False) -> None:
    """Write the error to stderr, for processes whose exceptions nobody else will see."""
    write_failure(failure_text(error), error if with_traceback else None)


def exit_status(error: BaseException) -> int:
    """What a process ends with that this error ends."""
    return error.exit_code if isinstance(error, DrumException) else 1


@contextmanager
def ending_process(
    status: int | None, with_traceback: bool, unless: tuple[type[BaseException], ...]
) -> Iterator[None]:
    """A block in which a worker process starts: what fails there is reported and ends it.

    Args:
        status: of the process then; None: the error's own.
        unless: exceptions that pass.
    """
    try:
        yield
    except unless:
        raise
    # Above there is only the server, which would tell of it in its own way, or not at all.
    except BaseException as error:
        report_failure(error, with_traceback)
        sys.exit(exit_status(error) if status is None else status)


def _place_in_user_code(error: BaseException) -> str | None:
    """Of the first error in the chain that has passed there: a library's own may lie below."""
    below = None if error.__cause__ is None else _place_in_user_code(error.__cause__)
    if below is not None:
        return below
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_user_code(frame.filename):
            return f"{frame.filename}, line {frame.lineno}, in {frame.name}"
    return None


def _is_user_code(filename: str) -> bool:
    libraries = (_PACKAGE_DIR, sysconfig.get_path("stdlib") + os.sep, "<")
    parts = Path(filename).parts
    installed = "site-packages" in parts or "dist-packages" in parts
    # Compiled libraries name their sources as they were where they were built.
    return os.path.isabs(filename) and not installed and not filename.startswith(libraries)
