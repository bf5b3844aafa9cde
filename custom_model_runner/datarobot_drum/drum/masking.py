"""Keeps secrets out of logs, and secrets and server paths out of what clients are told."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from datarobot_drum.drum.utils import secret_names, spellings
from datarobot_drum.drum.utils.server_paths import without_paths

MASK: Final = "*****"

# Shorter values, and these, are in too many innocent words.
_SHORTEST: Final = 4
_SHORTEST_LINE: Final = 8
# Shorter numbers are parts of others.
_SHORTEST_NUMBER: Final = 6
_INNOCENT: Final = frozenset(
    {
        "true",
        "false",
        "none",
        "null",
        "basic",
        "bearer",
        "token",
        "auto",
        "default",
        "http",
        "https",
    }
)
_DEFINITIONS: Final = "runtimeParameterDefinitions"
# What a definition says beside its default.
_OF_DEFINITIONS: Final = frozenset(
    {"allowEmpty", "credentialType", "description", "fieldName", "maxValue", "minValue", "type"}
)
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
# A hook's error may hold a whole payload.
_LONGEST: Final = 4000
_LONGEST_RAW: Final = 10 * _LONGEST


class Secrets:
    """The values that must not be shown, and how to find them in whatever spelling.

    Args:
        shortest: shorter values are left alone.

    Attributes:
        version: another one for other values; 0 while there have been none.
        values: as they were given.
    """

    def __init__(self, shortest: int = _SHORTEST) -> None:
        self.version = 0
        self._shortest = shortest
        self._lock = threading.Lock()
        self.values: set[str] = set()
        self._forms: set[str] = set()
        self._numbers: set[str] = set()
        # Longest first: one may be part of another.
        self._in_order: tuple[str, ...] = ()
        self._number: re.Pattern[str] | None = None

    def add(self, values: Iterable[str | int | float]) -> None:
        with self._lock:
            before = len(self.values)
            for value in values:
                self._add(value)
            if len(self.values) > before:
                self._sort()

    def put(self, values: Iterable[str]) -> None:
        """These instead of those that were known."""
        with self._lock:
            for known in (self.values, self._forms, self._numbers):
                known.clear()
            for value in values:
                self._add(value)
            self._sort()

    def _add(self, value: str | int | float) -> None:
        text = str(value)
        if not self._is_usable(text) or text in self.values:
            return
        self.values.add(text)
        if not isinstance(value, str) and len(text) < _SHORTEST_NUMBER:
            self._numbers.add(text)
            return
        # Files end with a line end.
        forms = {text, text.strip(), *spellings.encodings(text), *spellings.encodings(text.strip())}
        # Of a key in many lines, an error may quote one.
        lines = [line.strip() for line in text.splitlines()]
        if len(lines) > 1:
            forms |= {line for line in lines if len(line) >= _SHORTEST_LINE and line[:5] != "-----"}
        for form in forms:
            self._forms |= set(filter(self._is_usable, spellings.readings(form)))

    def _is_usable(self, value: str) -> bool:
        is_long = len(value.strip()) >= self._shortest
        return is_long and value.lower() not in _INNOCENT and bool(value.strip("*"))

    def _sort(self) -> None:
        self._in_order = tuple(sorted(self._forms, key=len, reverse=True))
        numbers = "|".join(sorted(self._numbers))
        self._number = re.compile(rf"(?<![\w.])(?:{numbers})(?!\w)") if numbers else None
        self.version += 1

    def mask(self, text: str) -> str:
        for form in self._in_order:
            if form in text:
                text = text.replace(form, MASK)
        if self._number is not None:
            text = self._number.sub(MASK, text)
        if self._in_order and any(hint in text for hint in spellings.HINTS):
            text = self._without_coded(text)
        return text

    def _without_coded(self, text: str) -> str:
        if any(form in bare for bare in spellings.layers(text) for form in self._in_order):
            found = sorted(self._found_in(text))
            end = len(text)
            for begin, behind in reversed(_joined(found)):
                text = f"{text[:begin]}{MASK}{text[min(behind, end) :]}"
        return text

    def _found_in(self, text: str) -> Iterator[tuple[int, int]]:
        """From where to where in the text something stands that must not be shown."""
        layer = spellings.undecoded(text)
        for _ in spellings.layers(text):
            layer = spellings.decoded(layer)
            for form in self._in_order:
                at = layer.text.find(form)
                while at >= 0:
                    yield layer.starts[at], layer.ends[at + len(form) - 1]
                    at = layer.text.find(form, at + 1)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


SECRETS: Final = Secrets()
# Parameters as they were when somebody read them last.
_read: dict[str, str] = {}


def hide(values: Iterable[str | int | float]) -> None:
    """Never show these values again, in no log line and no answer about an error."""
    SECRETS.add(values)


def hide_credential(content: Any) -> None:
    """Hide all that a credential holds, but for what kind it is."""
    hide(secret_names.leaves(content))


def hide_those_in(environment: Mapping[str, str]) -> None:
    """Hide the credentials in runtime parameters, and values whose name says that they are
    secret: those of others too, as what hooks and libraries tell of errors holds them.
    """
    for name, text in environment.items():
        hide(secret_names.secrets_in_variable(name, text))


def hide_variable(name: str, text: str) -> None:
    """The same for one variable, which may be read often."""
    if _read.get(name) != text:
        hide_those_in({name: text})
        _read[name] = text


def hide_value(name: str, value: Any) -> None:
    """Hide what a parameter that is called so is set to, if that is a secret."""
    hide(secret_names.secrets_of(name, value))


def masked(text: str) -> str:
    """The text with every known secret replaced."""
    return SECRETS.mask(text)


def masked_command(words: Sequence[str]) -> list[str]:
    """A command line without known secrets, and without values of options that hold some."""
    shown = []
    follows = False
    for word in words:
        name, equals, _ = word.partition("=")
        is_value = follows and not word.startswith("-")
        follows = word.startswith("-") and secret_names.is_secret_option(word)
        if is_value:
            word = MASK
        elif equals and secret_names.is_secret_option(name):
            word = f"{name}={MASK}"
        shown.append(masked(secret_names.without_passwords(word, MASK)))
    return shown


def shown_metadata(content: Any) -> Any:
    """A model's metadata as it may be shown: without defaults that are secrets."""
    if isinstance(content, Mapping):
        return {
            masked(str(key)): _shown_definitions(value)
            if key == _DEFINITIONS
            else shown_metadata(value)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [shown_metadata(item) for item in content]
    return masked(content) if isinstance(content, str) else content


def _shown_definitions(definitions: Any) -> Any:
    shown = shown_metadata(definitions)
    for definition in shown if isinstance(shown, list) else ():
        if not isinstance(definition, dict):
            continue
        name, kind = str(definition.get("fieldName")), definition.get("type")
        is_secret = kind == "credential" or secret_names.is_secret_name(name)
        for key, value in definition.items():
            # A default whose name is misspelt is one too.
            wanted = is_secret and key not in _OF_DEFINITIONS
            if value not in (None, "") and (wanted or secret_names.is_secret_name(str(key))):
                definition[key] = MASK
    return shown


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
    shown = without_paths(without_internals(whole[:_LONGEST_RAW]))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
