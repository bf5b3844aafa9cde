"""JSON text: orjson for speed, and the parts of pandas' dialect that it does not speak."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson

from datarobot_drum.drum.exceptions import ModelError

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def escape_non_ascii(encoded: bytes) -> bytes:
    r"""Write every character outside ASCII as ``\uXXXX``."""
    if encoded.isascii():
        return encoded
    text = _NON_ASCII.sub(lambda run: json.dumps(run.group())[1:-1], encoded.decode("utf-8"))
    return text.encode("ascii")


def dump_ascii(value: Any) -> bytes:
    r"""Encode as pandas' ``to_json`` does: ASCII, ``/`` as ``\/``, datetimes as epoch ms.

    Raises:
        ModelError: a value that has no JSON form.
    """
    try:
        encoded = orjson.dumps(value, default=_default, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise ModelError(f"The model's output has no JSON form: {error}") from error
    # Outside of strings JSON has no slash.
    return escape_non_ascii(encoded).replace(b"/", b"\\/")


def _default(value: Any) -> Any:
    match value:
        case datetime():
            return _epoch_milliseconds(value)
        case date():
            return _epoch_milliseconds(datetime(value.year, value.month, value.day))
        case timedelta():
            return value // timedelta(milliseconds=1)
        case Decimal():
            return float(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case set() | frozenset():
            return list(value)
    return _pandas_default(value)


def _epoch_milliseconds(value: datetime) -> int | None:
    if value != value:
        return None
    aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def _pandas_default(value: Any) -> Any:
    import numpy as np
    import pandas as pd

    if value is pd.NA:
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
