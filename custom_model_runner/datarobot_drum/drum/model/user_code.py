"""Calling the user's functions: what they raise becomes an error the service can answer with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from datarobot_drum.drum.exceptions import BaseCustomUserError, ModelError, PayloadError
from datarobot_drum.drum.utils.others_code import failing_as

_HTTP_EXCEPTIONS: Final = frozenset({"starlette.exceptions", "werkzeug.exceptions"})


def user_code(failure: str = "") -> AbstractContextManager[None]:
    """Run a block of the user's code without letting it end the server, or the thread it is on.

    Errors that user code raises to choose the answer's status (``BaseCustomUserError``, the
    HTTP exceptions of Werkzeug and Starlette) pass through, and so does what our own readers of
    models say of a client's rows.

    Args:
        failure: what failed, put in front of the exception's ``repr``; without it the
            exception's own text is the message.

    Raises:
        ModelError: the block raised anything else.
    """
    return failing_as(partial(model_error, failure))


def model_error(failure: str, exc: BaseException) -> ModelError | None:
    """What is raised in the place of an exception of the user's code; None: it stays as it is."""
    if chooses_status(exc) or isinstance(exc, PayloadError):
        return None
    return ModelError(_text(exc, failure))


def chooses_status(exc: BaseException) -> bool:
    """Tell whether ``exc`` was raised to be answered with a status of its own."""
    return isinstance(exc, BaseCustomUserError) or any(
        cls.__name__ == "HTTPException" and cls.__module__ in _HTTP_EXCEPTIONS
        for cls in type(exc).__mro__
    )


def _text(exc: BaseException, failure: str) -> str:
    if isinstance(exc, SystemExit):
        failure = failure or "The model's code called sys.exit."
    return f"{failure} Exception: {exc!r}" if failure else str(exc)
