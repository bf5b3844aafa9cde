"""Keeps secrets out of logs, and secrets and server paths out of what clients are told."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from datarobot_drum.runtime_parameters import RuntimeParameters

MASK: Final = "*****"

# Shorter values, and these, are in too many innocent words.
_SHORTEST: Final = 4
_INNOCENT: Final = frozenset({"true", "false", "none", "null"})
_SECRET_NAME: Final = re.compile(
    r"token|secret|password|passwd|passphrase|api_?key|access_?key|private_?key|credential", re.I
)
_OURS: Final = (f"{RuntimeParameters.PARAM_PREFIX}_", "MLOPS_", "DATAROBOT_", "DRUM_", "OTEL_")
_TORCHSCRIPT_TRACEBACK: Final = "Traceback of TorchScript"
# How a terminal is told to show what follows.
_COLORS: Final = re.compile(r"\x1b\[[0-9;]*m|\\x1b\[[0-9;]*m")
_TRACEBACK: Final = "Traceback (most recent call last)"
# A repr holds line ends as two characters.
_LINE_END: Final = r"(?:\n|\\n)"
# The frames of compiled libraries: dmlc's, which XGBoost has, and c10's, which PyTorch has.
_NATIVE_TRACES: Final = (
    re.compile(
        rf"{_LINE_END}?\s{{0,4}}Stack trace:(?:{_LINE_END}+\s*\[bt\] \(\d+\) "
        rf"(?:(?!{_LINE_END}).)*)+{_LINE_END}*"
    ),
    re.compile(
        rf"{_LINE_END}?\s{{0,4}}Exception raised from (?:(?!{_LINE_END}).)*"
        rf"\(most recent call first\):"
        rf"(?:{_LINE_END}frame #\d+: (?:(?!{_LINE_END}).)*)*{_LINE_END}*"
    ),
)
# Where in its own sources a compiled library gave up.
_NATIVE_SOURCE: Final = re.compile(
    r"(?<![\w/.+@-])(?:at )?/?(?:[\w.+@-]+/)+[\w.+-]+\.(?:cc|cpp|cxx|cu|cuh|c|h|hh|hpp|inl)"
    r"(?:(?::\d+|, line \d+)[: ]*|(?![\w./-]))"
)
_PACKAGES: Final = re.compile(r"(?<![^\s'\"(\[{=,<`])/(?:[^\s'\":/]+/)+(?:site|dist)-packages/")
# Not what stands behind a host; but behind a colon, and as a URL of a file, too.
_PATH: Final = re.compile(r"(?:(?<![\w/.])|(?<=file://))/(?:[\w.+@-]+/)+[\w.+@-]*")
# A hook's error may hold a whole payload.
_LONGEST: Final = 4000
_LONGEST_RAW: Final = 10 * _LONGEST


class _Secrets:
    """The values that must not be shown, and the pattern that finds them; None: there are none."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        usable = {v for v in values if len(v) >= _SHORTEST and v.lower() not in _INNOCENT}
        # In the escaped form too: that is how a repr or a JSON text holds it.
        escaped = {json.dumps(value)[1:-1] for value in usable}
        self._values |= usable | escaped
        longest_first = sorted(self._values, key=len, reverse=True)
        if longest_first:
            self.pattern = re.compile("|".join(map(re.escape, longest_first)))

    def mask(self, text: str) -> str:
        return text if self.pattern is None else self.pattern.sub(MASK, text)


SECRETS: Final = _Secrets()


def hide(values: Iterable[str]) -> None:
    """Never show these values again, in no log line and no answer about an error."""
    SECRETS.add(values)


def hide_those_in(environment: Mapping[str, str]) -> None:
    """Hide the credentials in runtime parameters, and values whose name says that they are
    secret, among the variables that this program reads.
    """
    for name, text in environment.items():
        if name.startswith(_OURS) or name == "API_TOKEN":
            hide(_secrets_in(name, text))


def masked(text: str) -> str:
    """The text with every known secret replaced."""
    return SECRETS.mask(text)


def without_internals(text: str) -> str:
    """The text without native stack traces, places in a library's own sources, and the folder
    that packages are installed in.
    """
    return _PACKAGES.sub("", _NATIVE_SOURCE.sub("", without_native_traces(text)))


def without_native_traces(text: str) -> str:
    """The text without the frames of compiled libraries, which it may hold as a repr does."""
    for trace in _NATIVE_TRACES:
        text = trace.sub("", text)
    return text


def for_client(text: str) -> str:
    """An error's text without secrets, paths of this machine, and tracebacks."""
    text = _COLORS.sub("", text)
    before, traceback, _ = text.partition(_TRACEBACK)
    if not traceback:
        before, traceback, _ = text.partition(_TORCHSCRIPT_TRACEBACK)
    # Without a traceback nothing is cut: a text that clients match ends with a space.
    whole = masked(before.rstrip() if traceback else text)
    kept = without_internals(whole[:_LONGEST_RAW])
    shown = _PATH.sub(_hide_path, kept)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _hide_path(match: re.Match[str]) -> str:
    # Routes look like paths too; a directory of that name tells them apart.
    path = match.group()
    return "<path>" if os.path.isdir(f"/{path.split('/')[1]}") else path


def _secrets_in(name: str, text: str) -> Iterator[str]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    named = bool(_SECRET_NAME.search(name))
    if not isinstance(content, dict):
        if named:
            yield text
        return
    payload = content.get("payload", content)
    if isinstance(payload, dict):
        yield from _leaves(payload)
    elif named and isinstance(payload, str):
        yield payload


def _leaves(content: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a credential, but for what kind it is."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str) and key not in ("credentialType", "credential_type"):
            yield value
