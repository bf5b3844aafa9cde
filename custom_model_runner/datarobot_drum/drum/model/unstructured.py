"""What a ``score_unstructured`` hook may return."""

from __future__ import annotations

from typing import Any

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import UnstructuredReply


def unstructured_reply(value: Any) -> UnstructuredReply:
    """Check a hook's return value: text, bytes, None, or a pair of that and a dict.

    Raises:
        ModelError: it is something else.
    """
    if isinstance(value, tuple):
        return _from_tuple(value)
    if not _is_data(value):
        raise ModelError(
            "In unstructured mode single return value can be of type str/bytes, "
            f"but received {type(value)}"
        )
    return UnstructuredReply(value)


def _from_tuple(value: tuple[Any, ...]) -> UnstructuredReply:
    if len(value) != 2:
        raise ModelError(
            "In unstructured mode predictions of type tuple must have length = 2, "
            f"but received length = {len(value)}"
        )
    data, how = value
    if not _is_data(data) or not isinstance(how, dict | None):
        raise ModelError(
            "In unstructured mode tuple return value must be of type (str/bytes, dict) "
            f"but received ({type(data)}, {type(how)})"
        )
    how = how or {}
    return UnstructuredReply(data, how.get("mimetype"), how.get("charset"))


def _is_data(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes)
