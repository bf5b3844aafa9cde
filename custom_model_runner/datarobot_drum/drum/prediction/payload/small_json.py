"""JSON of status answers and errors: compact, keys sorted, a newline at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from datarobot_drum.drum.prediction.payload.json_text import escape_non_ascii

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_NON_STR_KEYS
    | orjson.OPT_SERIALIZE_NUMPY
)


def small_json(content: Mapping[str, Any]) -> bytes:
    """Encode as ASCII JSON text; NaN and infinities are null, unknown objects their text."""
    return escape_non_ascii(orjson.dumps(content, default=str, option=_OPTIONS))
