"""Uvicorn's HTTP protocols, with limits on what a connection may cost."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from datarobot_drum.drum.fastapi.bounded import OneAtATimeMixin, SentInTimeMixin
from datarobot_drum.drum.serving.access_log import Refusals


def _is_not_told_by_us(record: logging.LogRecord) -> bool:
    return record.msg != "Invalid HTTP request received."


def protocol_class(timeout: float | None, told: Refusals) -> type[Any]:
    """The HTTP protocol to serve with: httptools' where it is installed, else h11's.

    Args:
        timeout: seconds for a request's head, between steps of its body, and between steps of
            its answer; None: no limit.
        told: of what is answered below the application.
    """
    # Uvicorn's line has neither reason nor request id.
    logging.getLogger("uvicorn.error").addFilter(_is_not_told_by_us)
    if importlib.util.find_spec("httptools") is not None:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        from datarobot_drum.drum.fastapi.parsing import DecliningMixin, HeadThenBodyMixin

        class FastProtocol(HeadThenBodyMixin, SentInTimeMixin, DecliningMixin, HttpToolsProtocol):
            header_timeout = timeout
            refusals = told

        return FastProtocol

    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PlainProtocol(OneAtATimeMixin, SentInTimeMixin, H11Protocol):  # type: ignore[misc]
        header_timeout = timeout
        refusals = told

    return PlainProtocol
