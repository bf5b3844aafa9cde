"""Everything that can go wrong, as one tree.

::

    Exception
    ├── DrumException                     500, exit 1
    │   ├── DrumCommonException           a plain failure: the text says it all
    │   │   ├── UsageError                exit 2: an option or a variable is wrong
    │   │   ├── SettingError              exit 1: a runtime parameter is out of range
    │   │   └── StartupError              513 while an error server is up
    │   │       └── ModelLoadError        the folder, its hooks or its artifact
    │   ├── ModelError                    500: the model or one of its hooks failed
    │   ├── RequestError                  4xx: the client can put it right
    │   │   ├── MalformedRequestError     400
    │   │   ├── NotSupportedError         404
    │   │   ├── SlowClientError           408
    │   │   ├── BodyTooLargeError         413
    │   │   ├── UnsupportedMediaTypeError 415
    │   │   ├── PayloadError              422
    │   │   │   └── ColumnsError          422: not the columns or values that the model takes
    │   │   └── ClientGoneError           499: nobody reads the answer
    │   ├── NotReadyError                 503: loading, or draining
    │   ├── OverloadedError               503, Retry-After
    │   ├── PredictionTimeoutError        504
    │   ├── DrumPredException
    │   ├── DrumPerfTestTimeout
    │   ├── DrumFormatSchemaException
    │   ├── DrumSchemaValidationException 422, exit 3
    │   ├── DrumTransformException
    │   └── DrumSerializationError
    ├── BaseCustomUserError               raised by user code, sent as it stands
    │   └── CustomHTTPError
    └── UnrecoverableError

``status`` is the HTTP status of the answer and ``exit_code`` that of the command; both
live on the class, so that a front and the command line need one rule and no table.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

STARTUP_FAILED_STATUS = 513


class DrumException(Exception):
    """Base of everything this package raises on purpose.

    Attributes:
        hook: the user's function that could not be called, or that returned what it may not.
    """

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    exit_code: ClassVar[int] = 1
    hook: Callable[..., Any] | None = None


class DrumCommonException(DrumException):
    """A failure whose text is all the user needs: shown without a traceback."""


class UsageError(DrumCommonException):
    """An option or a variable has a value that cannot be used; the text names it."""

    exit_code = 2


class SettingError(DrumCommonException):
    """A runtime parameter is out of its range; the text names parameter, value and range."""


class StartupError(DrumCommonException):
    """The server cannot start; an error server answers with this text."""

    status = STARTUP_FAILED_STATUS


class ModelLoadError(StartupError):
    """The model folder, its hooks or its artifact cannot be loaded."""


class ModelError(DrumException):
    """The model or one of its hooks failed, or returned what it may not return."""


class RequestError(DrumException):
    """The client sent something that cannot be served."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST


class MalformedRequestError(RequestError):
    """The body is not what its content type says (JSON that does not parse)."""


class NotSupportedError(RequestError):
    """This model has no such operation."""

    status = HTTPStatus.NOT_FOUND


class SlowClientError(RequestError):
    """The request takes too long to come in."""

    status = HTTPStatus.REQUEST_TIMEOUT


class BodyTooLargeError(RequestError):
    """The body, or what it would become once it is read, is larger than allowed."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaTypeError(RequestError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class PayloadError(RequestError):
    """The data cannot be read, or the route is not that of this target type."""

    status = 422


class ColumnsError(PayloadError):
    """The rows do not have the columns that the model was fitted on, or hold values that it does
    not take; the text names the columns.
    """


class ClientGoneError(RequestError):
    """The client closed its connection before it had its answer; seen in the log only."""

    status = 499


class NotReadyError(DrumException):
    status = HTTPStatus.SERVICE_UNAVAILABLE


class OverloadedError(DrumException):
    """The queue in front of the model is full, or the request waited in it for too long."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PredictionTimeoutError(DrumException):
    status = HTTPStatus.GATEWAY_TIMEOUT


class DrumPredException(DrumException):
    pass


class DrumPerfTestTimeout(DrumException):
    pass


class DrumFormatSchemaException(DrumException):
    pass


class DrumSchemaValidationException(DrumException):
    status = 422
    exit_code = 3


class DrumTransformException(DrumException):
    pass


class DrumSerializationError(DrumException):
    pass


class UnrecoverableError(Exception):
    pass


class BaseCustomUserError(Exception):
    """Base of errors that user code raises to choose the answer's status and text."""

    status_code: int = 400


class CustomHTTPError(BaseCustomUserError):
    """Raised from any hook: the client gets ``message`` with ``status_code``.

    Args:
        message: sent as ``{"message": message}``.
        status_code: an HTTP status from 400 to 599; any other becomes a 500 that says so.
    """

    def __init__(
        self, message: str = "User's HTTP error in custom model", status_code: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code


def is_interrupt(error: BaseException) -> bool:
    """Tell Ctrl+C, which comes to the main thread only, from what user code has raised.

    Whatever else is no ``Exception`` (``sys.exit``, the panic of an extension written in Rust,
    a cancellation that got away) is a failure of the code that raised it.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and in_main_thread
