"""Which variables, parameters and fields hold secrets, by what they are called and look like."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

# What a credential says beside its secrets is hidden from this length on: names, regions.
_SHORTEST_BESIDE: Final = 6

_SECRET: Final = re.compile(
    r"token(?!i[sz])|secret|passw|passphrase|passcode|pwd|key(?!word|board|note)|credential"
    # A name, and no author.
    r"|auth(?!or(?!i[sz]))|bearer|dsn|cookie|signature|(?<![a-z])(?:pass|sas|pat|sig|pin)(?![a-z])"
    r"|(?<![a-z])(?:jwt|psk|t?otp|creds?|(?:db|user)?pw)(?![a-z])"
    r"|(?:admin|db|ftp|login|mail|redis|root|smtp|sql|store|user)pass(?![a-z])"
    r"|conn(?:ection)?_?str|webhook|hmac|mnemonic",
    re.I,
)
# How many tokens there may be, where a key lies, which way of authentication is meant.
_INNOCENT: Final = re.compile(
    r"^(?:old)?pwd$|(?<![a-z])(?:max|min|num|n|new|total|prompt|completion)[_-]?"
    r"(?:\w+[_-])?tokens$"
    r"|(?:[_-]|(?<=[a-z]))"
    r"(?:file|filename|path|dir|directory|folder|mode|type|method|scheme|enabled|required"
    r"|prefix|columns?|length|size|limit|count|ttl|timeout|seconds|days|algorithm|socks?)$",
    re.I,
)
# A list of headers for a collector: each may hold its key.
_HEADERS: Final = re.compile(r"(?<![a-z])otlp(?:_[a-z]+)?_headers$", re.I)
# What kind a credential is: no secret, and known by these keys.
_MARKS: Final = frozenset({"credentialtype", "credential_type"})
_KINDS: Final = _MARKS | {"type"}
_SCHEME: Final = re.compile(r"(?:(bearer|basic|token|apikey)\s+)(\S.*)", re.I | re.S)
# The name may be a URL's only, and blank.
_USER_INFO: Final = re.compile(r"://([^\s/?#@:]*):([^\s/?#]+)@")
# A token in place of a name; names are shorter.
_USER_ONLY: Final = re.compile(r"://([^\s/?#@:]{16,})@")
_QUERY: Final = re.compile(r"[?&;]([\w.-]+)=([^\s&;#\"'<>]+)")
# Connection strings and options, in whatever they stand: only what is hardly ever something else.
_SETTING: Final = re.compile(
    r"(?:^|[;,\s&?])([\w.-]*(?:passw|pwd|secret|account_?key|access_?key|api_?key|token)[\w.-]*)"
    r"\s*=\s*([^;,\s&\"']+)",
    re.I,
)
_SHORTEST_SET: Final = 6
_KEY_FILE: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_OPTION: Final = re.compile(r"-{0,2}[\w.-]+")
_PAIR: Final = re.compile(r"([\w.-]+)\s*[=:]\s*([^;,\s&]+)")


def is_secret_name(name: str) -> bool:
    """Whether a thing that is called so holds a secret."""
    return _SECRET.search(name) is not None and _INNOCENT.search(name) is None


def is_secret_option(word: str) -> bool:
    """Whether a word of a command line is the name of an option, or variable, that holds one."""
    return _OPTION.fullmatch(word) is not None and is_secret_name(word)


def without_passwords(text: str, mask: str) -> str:
    """The text without the passwords of URLs."""
    return _USER_INFO.sub(rf"://\1:{mask}@", text)


def secrets_in_variable(name: str, text: str) -> Iterator[str | int | float]:
    """What must not be shown of an environment variable: plain text, or the platform's JSON."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict) and content.get("type") == "credential":
        yield from leaves(content)
    elif isinstance(content, dict) and content.keys() == {"type", "payload"}:
        yield from secrets_of(name, content["payload"])
    else:
        yield from secrets_of(name, content if isinstance(content, dict | list) else text)


def secrets_of(name: str, value: Any) -> Iterator[str | int | float]:
    """What must not be shown of a value that is called so."""
    if isinstance(value, Mapping):
        if is_secret_name(name) or not _MARKS.isdisjoint(str(key).lower() for key in value):
            yield from leaves(value)
        else:
            for key, item in value.items():
                yield from secrets_of(str(key), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_of(name, item)
    elif isinstance(value, str) and _HEADERS.search(name):
        yield from _scalar(value)
        for pair in value.split(","):
            text = unquote(pair.partition("=")[2].strip())
            yield text
            yield from _of_header(text)
    elif is_secret_name(name):
        yield from _scalar(value)
    elif isinstance(value, str):
        yield from _of_text(name, value)


def leaves(content: Any, key: str = "") -> Iterator[str | int | float]:
    """Texts and numbers of a credential at any depth, but for what kind it is."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if str(name).lower() not in _KINDS or isinstance(value, Mapping | list):
                yield from leaves(value, str(name))
    elif isinstance(content, list | tuple):
        for item in content:
            yield from leaves(item, key)
    else:
        beside = key != "" and not is_secret_name(key) and isinstance(content, str)
        if not beside or len(content) >= _SHORTEST_BESIDE:
            yield from _scalar(content)


def _scalar(value: Any) -> Iterator[str | int | float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    if not isinstance(value, str):
        return
    yield value
    yield from _of_urls(value)
    yield from _of_header(value)
    # Connection strings.
    for name, text in _PAIR.findall(value):
        if is_secret_name(name):
            yield text
            yield unquote(text)
    if value.lstrip().startswith("{"):
        try:
            yield from leaves(json.loads(value))
        except (ValueError, RecursionError):
            return


def _of_text(name: str, text: str) -> Iterator[str | int | float]:
    """What must not be shown of a text whose name says nothing."""
    if _KEY_FILE.search(text):
        yield text
    yield from _of_urls(text)
    for setting, value in _SETTING.findall(text):
        if is_secret_name(setting) and len(value) >= _SHORTEST_SET:
            yield value
            yield unquote(value)
    if text.lstrip()[:1] in ("{", "["):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return
        yield from secrets_of(name, content)


def _of_urls(text: str) -> Iterator[str]:
    if "://" not in text:
        return
    found = [part for match in _USER_INFO.finditer(text) for part in match.groups()]
    found += _USER_ONLY.findall(text)
    found += [value for name, value in _QUERY.findall(text) if is_secret_name(name)]
    for part in found:
        yield part
        yield unquote(part)


def _of_header(text: str) -> Iterator[str]:
    match = _SCHEME.fullmatch(text.strip())
    if match is None:
        return
    yield match.group(2)
    if match.group(1).lower() == "basic":
        try:
            plain = base64.b64decode(match.group(2), validate=True).decode()
        except (binascii.Error, ValueError):
            return
        yield plain
        yield plain.partition(":")[2]
