"""Text of others in lines of ours: one line stays one, and no terminal is told what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_INDENT: Final = "  "
# Letters of ASCII, which most of a line is, are not looked at one by one.
_HIDDEN: Final = re.compile(r"[^ -~]+")


def escaped(text: str) -> str:
    """The text on one line: line ends, controls and whatever else cannot be seen as ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _as_python(sign) for sign in text)


def quoted(text: str) -> str:
    """The text in double quotes that nothing within it ends, in plain ASCII.

    What stands between them is what Python's ``unicode_escape`` reads back.
    """
    return '"' + _as_python(text).replace('"', '\\"') + '"'


def word(text: str) -> str:
    """As within quotes, and without blanks."""
    return quoted(text)[1:-1].replace(" ", "\\x20")


def indented(text: str) -> str:
    """Several lines that belong to the one before, a traceback: none begins as a log line does."""
    return "\n".join(_INDENT + escaped(line) for line in text.split("\n"))


def json_object(fields: Mapping[str, Any]) -> str:
    """The fields as JSON on one line; other values than JSON's as their text."""
    text = json.dumps(fields, ensure_ascii=False, default=str)
    return text if text.isprintable() else _HIDDEN.sub(_as_json, text)


def _as_python(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def _as_json(match: re.Match[str]) -> str:
    signs = match.group()
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in signs)
