"""The one place where an exception becomes a status and a body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.exceptions import (
    BaseCustomUserError,
    ClientGoneError,
    DrumException,
    DrumSchemaValidationException,
    ModelError,
    OverloadedError,
)
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.prediction.payload.small_json import small_json
from datarobot_drum.drum.utils.failures import failure_line, is_explained
from datarobot_drum.drum.utils.shortage import Complaint, shortage

logger = logs.get_drum_logger(__name__)

SHORT: Final = "The server is short of what this request needs: {}. Try again later."
_complaint: Final = Complaint(logger, "Requests are refused: %s")

# An error is one: a success would hide it, and several statuses below forbid its text.
_STATUSES: Final = range(HTTPStatus.BAD_REQUEST, 600)
USER_ERROR_HEADER: Final = ("X-Drum-User-Http-Error", "true")
# Hooks may raise their web framework's own errors on any server; naming the classes by text
# keeps those frameworks out of here. Values: the attributes with status and text.
_FOREIGN_HTTP_ERRORS: Final = {
    "werkzeug.exceptions.HTTPException": ("code", "description"),
    "starlette.exceptions.HTTPException": ("status_code", "detail"),
}


def error_response(error: BaseException) -> PredictResponse:
    """What a client gets; what went wrong, and where, goes to the log too, on one line."""
    error = _with_a_status(error)
    if isinstance(error, BaseCustomUserError):
        body = small_json({"message": client_text(error)})
        return PredictResponse(int(error.status_code), body, headers=(USER_ERROR_HEADER,))
    missing = shortage(error)
    if missing is not None:
        _complaint.tell(missing)
        error = OverloadedError(SHORT.format(missing))
    status, text = _status_and_text(error)
    if missing is None and not isinstance(error, ClientGoneError):
        log_failure(error, status, text)
    content: dict[str, Any] = {"message": client_text(error)}
    if isinstance(error, DrumSchemaValidationException):
        content["is_schema_validation_error"] = True
    headers = (
        (("Retry-After", str(error.retry_after)),) if isinstance(error, OverloadedError) else ()
    )
    return PredictResponse(status, small_json(content), headers=headers)


def log_failure(error: BaseException, status: int, text: str, what: str = "") -> None:
    """One line; the traceback where it is wanted, or where the line would explain nothing.

    Args:
        what: the beginning of the line: what has failed.
    """
    line = what + failure_line(error, text)
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        exc_info = None if status > HTTPStatus.INTERNAL_SERVER_ERROR else logs.traceback_of(error)
        logger.warning("%s", line, exc_info=exc_info)
        return
    exc_info = logs.traceback_of(error) if is_explained(error) else error
    logger.error("%s", line, exc_info=exc_info)


def client_text(error: BaseException) -> str:
    """What a client is told: the user's own text as it stands, but for known secrets; any other
    after ``ERROR:``, without paths and tracebacks too.
    """
    if isinstance(error, BaseCustomUserError):
        text = masking.masked(str(getattr(error, "message", None) or error))
    else:
        text = f"ERROR: {masking.for_client(_status_and_text(error)[1])}"
    # Halves of signs have no bytes.
    return text.encode("utf-8", "backslashreplace").decode()


def _with_a_status(error: BaseException) -> BaseException:
    """The error; what user code raised with a status that no error can have is its failure."""
    if isinstance(error, BaseCustomUserError):
        status, text = error.status_code, client_text(error)
    else:
        status, text = _foreign(error) or (HTTPStatus.INTERNAL_SERVER_ERROR, "")
    try:
        if int(status) in _STATUSES:
            return error
    except (OverflowError, TypeError, ValueError):
        pass
    failure = ModelError(
        f"{type(error).__name__}({text!r}) was raised with the status {status!r}: it must be a"
        f" whole number from {int(_STATUSES.start)} to {_STATUSES.stop - 1}."
    )
    failure.__cause__ = error
    return failure


def _status_and_text(error: BaseException) -> tuple[int, str]:
    if isinstance(error, DrumException):
        return int(error.status), str(error)
    status, text = _foreign(error) or (HTTPStatus.INTERNAL_SERVER_ERROR, error)
    return int(status), str(text)


def _foreign(error: BaseException) -> tuple[Any, Any] | None:
    """Status and text of another framework's error; None: it is none."""
    for kind in type(error).__mro__:
        attributes = _FOREIGN_HTTP_ERRORS.get(f"{kind.__module__}.{kind.__qualname__}")
        if attributes is not None:
            status, text = (getattr(error, name) for name in attributes)
            return status or HTTPStatus.INTERNAL_SERVER_ERROR, text
    return None
