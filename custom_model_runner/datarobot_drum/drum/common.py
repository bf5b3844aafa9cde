"""For compatibility only: names that user code imports from here."""

from __future__ import annotations

from typing import Final

from datarobot_drum.drum.logs import get_drum_logger

FIT_METADATA_FILENAME: Final = "fit_runtime_data.json"

__all__ = ["FIT_METADATA_FILENAME", "get_drum_logger"]
