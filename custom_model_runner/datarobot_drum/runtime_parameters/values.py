"""The value types of runtime parameters, and their text in an environment variable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from datarobot_drum.drum.utils.truth import truth
from datarobot_drum.runtime_parameters.exceptions import InvalidJsonException, InvalidRuntimeParam

MASK: Final = "*****"


def typed(kind: str, value: object) -> Any:
    """The value as the type ``kind`` has it: numbers and truth may come as text.

    None fits every type: whether a parameter may be empty is its definition's business.

    Raises:
        ValueError: with the reason, which does not repeat the value.
    """
    return None if value is None else KINDS[kind](value)


def encode(kind: str, value: object) -> str:
    """The text of the environment variable: ``{"type": kind, "payload": value}``."""
    return json.dumps({"type": kind, "payload": value})


def decode(name: str, text: str) -> Any:
    """The value in the text of the environment variable ``name``.

    Text that does not begin like a JSON object is a value by itself, and comes back as it is.

    Raises:
        InvalidJsonException: it begins like one, and is none: a value that was cut off or
            misspelt is not handed to a model as text.
        InvalidRuntimeParam: a JSON object that is not exactly a known type and its payload.
    """
    content = parse_object(text)
    if content is None:
        if text.lstrip().startswith("{"):
            raise InvalidJsonException(
                f"Invalid runtime parameter json payload. payload={MASK} , exception: {name} begins"
                " with '{' but is no JSON object. Text goes into one too: "
                '{"type": "string", "payload": "…"}'
            )
        return text
    try:
        return _payload(content)
    except ValueError as error:
        shown = json.dumps({key: MASK if key != "type" else content[key] for key in content})
        raise InvalidRuntimeParam(
            f"Invalid runtime parameter! env_value={shown} , exception: {name}: {error}"
        ) from None


def from_text(kind: str, text: str) -> Any:
    """The value that plain text stands for where the type ``kind`` is declared.

    Raises:
        ValueError: it stands for none; the reason does not repeat it.
    """
    if kind == "credential":
        raise ValueError("the variable must hold a JSON object with the keys type and payload")
    return typed(kind, text)


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object in ``text``; None when it holds anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _payload(content: Mapping[str, Any]) -> Any:
    if set(content) != {"type", "payload"}:
        raise ValueError("it must have exactly the keys 'type' and 'payload'")
    kind = content["type"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"unknown type {kind!r}, it must be one of: {', '.join(KINDS)}")
    return typed(kind, content["payload"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("value is not a string")
    if not value:
        raise ValueError("blank value is not allowed: it must not be empty")
    return value


def _boolean(value: object) -> bool:
    found = truth(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError("value should be True or False")
    return found


def _numeric(value: object) -> int | float:
    if isinstance(value, bool):
        raise ValueError("value is True or False, not a number")
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number fails
    except (TypeError, ValueError, OverflowError):
        raise ValueError("value can't be converted to float") from None
    if not isinstance(value, str):
        return value if isinstance(value, int) else number
    try:
        return int(value)
    except ValueError:
        return number


def _credential(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("value is not a dict")
    if not isinstance(value.get("credentialType"), str):
        raise ValueError("credentialType is required and must be a string")
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise ValueError("value can't be written as JSON") from None
    return value


KINDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "boolean": _boolean,
    "credential": _credential,
    "deployment": _text,
    "numeric": _numeric,
    "string": _text,
}
