"""What a process that cannot go on says on stderr: one message, once."""

from __future__ import annotations

import inspect
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
from datarobot_drum.drum.masking import masked, without_internals

# Raised with a text that says it all: for any other type the text needs the type's name.
_SPEAKING: Final = (DrumException, BaseCustomUserError, ValueError, RuntimeError, OSError)

# A hook's error may hold a whole payload.
_LONGEST_LINE: Final = 2000

_SERVER_PACKAGES: Final = ("fastapi", "flask", "gunicorn", "uvicorn")
_PACKAGE_DIR: Final = str(Path(__file__).parents[2]) + os.sep


def failure_text(error: BaseException) -> str:
    """The error in the words a user needs: no traceback, but where in the user's code it was."""
    text = _with_file(error, without_internals(str(error)).strip())
    place = _place_in_user_code(error) or _place_of_hook(error)
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
    place = _place_in_user_code(error) or _place_of_hook(error)
    # Before it is cut: half of a secret is not known as one.
    line = " ".join(masked(_with_file(error, _with_type(error, text))).split())
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


def _with_file(error: BaseException, text: str) -> str:
    """The text with the file that could not be used: the ``repr`` of such an error has none."""
    raised = error.__cause__ if isinstance(error, DrumException) else error
    if not isinstance(raised, OSError) or raised.filename is None:
        return text
    name = repr(raised.filename)
    return text if name in text else f"{text}: {name}"


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
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame.filename.startswith(_PACKAGE_DIR) for frame in frames]
    # Above the first of ours are those who called us, such as a script or a test.
    called = frames[ours.index(True) :] if any(ours) else frames
    for frame in reversed(called):
        if _is_user_code(frame.filename):
            return f"{frame.filename}, line {frame.lineno}, in {frame.name}"
    return None


def _place_of_hook(error: BaseException) -> str | None:
    """Where the hook begins that could not be called, or whose result is at fault."""
    hook = error.hook if isinstance(error, DrumException) else None
    code = getattr(inspect.unwrap(hook), "__code__", None) if hook else None
    if code is None or not _is_user_code(code.co_filename):
        return None
    return f"{code.co_filename}, line {code.co_firstlineno}, in {code.co_name}"


def _is_user_code(filename: str) -> bool:
    libraries = (_PACKAGE_DIR, sysconfig.get_path("stdlib") + os.sep, "<")
    parts = Path(filename).parts
    installed = "site-packages" in parts or "dist-packages" in parts
    # Compiled libraries name their sources as they were where they were built.
    return os.path.isabs(filename) and not installed and not filename.startswith(libraries)
