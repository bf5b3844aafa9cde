"""The value types of runtime parameters, and their text in an environment variable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from datarobot_drum.drum.utils.truth import truth
from datarobot_drum.runtime_parameters.exceptions import InvalidJsonException, InvalidRuntimeParam

MASK: Final = "*****"


def check_value(kind: str, value: object) -> None:
    """Raise ``ValueError`` with the reason unless ``value`` fits the type ``kind``.

    None fits every type: whether a parameter may be empty is its definition's business.
    """
    if value is not None:
        CHECKS[kind](value)


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
    if kind == "numeric":
        return _number(text)
    if kind == "boolean":
        return _truth(text)
    if kind == "credential":
        raise ValueError("the variable must hold a JSON object with the keys type and payload")
    return text


def _number(text: str) -> int | float:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    raise ValueError("the variable's text is no number")


def _truth(text: str) -> bool:
    value = truth(text)
    if value is None:
        raise ValueError("the variable's text must be true or false")
    return value


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
    if not isinstance(kind, str) or kind not in CHECKS:
        raise ValueError(f"unknown type {kind!r}, it must be one of: {', '.join(CHECKS)}")
    check_value(kind, content["payload"])
    return content["payload"]


def _check_text(value: object) -> None:
    if not isinstance(value, str):
        raise ValueError("value is not a string")
    if not value:
        raise ValueError("blank value is not allowed")


def _check_boolean(value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError("value should be True or False")


def _check_numeric(value: object) -> None:
    try:
        float(value)  # type: ignore[arg-type]  # numeric text passes too
    except (TypeError, ValueError, OverflowError):
        raise ValueError("value can't be converted to float") from None


def _check_credential(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("value is not a dict")
    if not isinstance(value.get("credentialType"), str):
        raise ValueError("credentialType is required and must be a string")
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise ValueError("value can't be written as JSON") from None


CHECKS: Final[Mapping[str, Callable[[object], None]]] = {
    "boolean": _check_boolean,
    "credential": _check_credential,
    "deployment": _check_text,
    "numeric": _check_numeric,
    "string": _check_text,
}
