"""The one place where an exception becomes a status and a body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.exceptions import (
    BaseCustomUserError,
    DrumException,
    DrumSchemaValidationException,
    OverloadedError,
)
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.prediction.payload.small_json import small_json

logger = logs.get_drum_logger(__name__)

USER_ERROR_HEADER: Final = ("X-Drum-User-Http-Error", "true")
# Hooks may raise their web framework's own errors on any server; naming the classes by text
# keeps those frameworks out of here. Values: the attributes with status and text.
_FOREIGN_HTTP_ERRORS: Final = {
    "werkzeug.exceptions.HTTPException": ("code", "description"),
    "starlette.exceptions.HTTPException": ("status_code", "detail"),
}


def error_response(error: BaseException) -> PredictResponse:
    """What a client gets; a failure of the server or the model goes to the log too."""
    if isinstance(error, BaseCustomUserError):
        status = int(getattr(error, "status_code", HTTPStatus.BAD_REQUEST))
        body = small_json({"message": client_text(error)})
        return PredictResponse(status, body, headers=(USER_ERROR_HEADER,))
    status, text = _status_and_text(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s", text, exc_info=error)
    elif status > HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("%s", text)
    content: dict[str, Any] = {"message": client_text(error)}
    if isinstance(error, DrumSchemaValidationException):
        content["is_schema_validation_error"] = True
    headers = (
        (("Retry-After", str(error.retry_after)),) if isinstance(error, OverloadedError) else ()
    )
    return PredictResponse(status, small_json(content), headers=headers)


def client_text(error: BaseException) -> str:
    """What a client is told: the user's own text as it stands, any other after ``ERROR:``."""
    if isinstance(error, BaseCustomUserError):
        return str(getattr(error, "message", None) or error)
    return f"ERROR: {masking.for_client(_status_and_text(error)[1])}"


def _status_and_text(error: BaseException) -> tuple[int, str]:
    if isinstance(error, DrumException):
        return int(error.status), str(error)
    for kind in type(error).__mro__:
        attributes = _FOREIGN_HTTP_ERRORS.get(f"{kind.__module__}.{kind.__qualname__}")
        if attributes is not None:
            status, text = (getattr(error, name) for name in attributes)
            return int(status or HTTPStatus.INTERNAL_SERVER_ERROR), str(text)
    return HTTPStatus.INTERNAL_SERVER_ERROR, str(error)
