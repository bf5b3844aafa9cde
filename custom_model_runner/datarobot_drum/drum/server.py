"""For compatibility only: the statuses of answers, by the names that test-suites know."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from datarobot_drum.drum.exceptions import STARTUP_FAILED_STATUS

HTTP_200_OK: Final = int(HTTPStatus.OK)
HTTP_400_BAD_REQUEST: Final = int(HTTPStatus.BAD_REQUEST)
HTTP_404_NOT_FOUND: Final = int(HTTPStatus.NOT_FOUND)
HTTP_422_UNPROCESSABLE_ENTITY: Final = 422
HTTP_500_INTERNAL_SERVER_ERROR: Final = int(HTTPStatus.INTERNAL_SERVER_ERROR)
HTTP_513_DRUM_PIPELINE_ERROR: Final = STARTUP_FAILED_STATUS
