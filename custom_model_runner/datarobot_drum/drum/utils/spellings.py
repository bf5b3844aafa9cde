"""How else a text may be written: escaped, encoded, broken over several lines."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# What a text is that holds none of them is told by looking at its signs only.
HINTS: Final = ("\\", "%", "&", "\n")
# Texts within texts within texts: each pass takes one layer off.
_LAYERS: Final = 6
# Bytes as base64 that others stand around are matched from so many signs on.
_SHORTEST_BASE64: Final = 6

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    **{sign: sign for sign in "\\'\"/ "},
}
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# Python's and JSON's, those of URLs, of HTML and of shells; and where lines are broken, texts in
# quotes too. Each is tried at one place: a long text takes time in proportion to its length.
_CODED: Final = re.compile(
    r"\\(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<simple>[abfnrtv\\'\"/ ]))"
    r"|%(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:#(?P<number>[0-9]{1,6})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<entity>amp|lt|gt|quot|apos));"
    r"|(?P<shell>'\"'\"')"
    r"|(?P<line>[\"']?\r?\n[ \t]*[\"']?)"
)


class Decoded(NamedTuple):
    """
    Attributes:
        text: with one layer less.
        starts, ends: of what each of its signs was before.
    """

    text: str
    starts: list[int]
    ends: list[int]


def with_a_layer_less(text: str) -> str:
    """The text with what is escaped and encoded as what it stands for, and without line ends."""
    return _CODED.sub(_meaning, text)


def layers(text: str) -> Iterator[str]:
    """The text with one layer less each time, until there is none."""
    for _ in range(_LAYERS):
        bare = with_a_layer_less(text)
        if bare == text:
            return
        yield bare
        text = bare


def decoded(before: Decoded) -> Decoded:
    """The same as ``with_a_layer_less``, and where each sign comes from."""
    signs: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def keep(begin: int, end: int) -> None:
        signs.append(before.text[begin:end])
        starts.extend(before.starts[begin:end])
        ends.extend(before.ends[begin:end])

    done = 0
    for match in _CODED.finditer(before.text):
        keep(done, match.start())
        done = match.end()
        meaning = _meaning(match)
        signs.append(meaning)
        starts.extend([before.starts[match.start()]] * len(meaning))
        ends.extend([before.ends[done - 1]] * len(meaning))
    keep(done, len(before.text))
    return Decoded("".join(signs), starts, ends)


def undecoded(text: str) -> Decoded:
    return Decoded(text, list(range(len(text))), list(range(1, len(text) + 1)))


def encodings(value: str) -> Iterator[str]:
    """The value as base64, in which something may stand before it and behind, and as hex."""
    data = value.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield data.hex().upper()
    for ahead in range(3):
        whole = base64.b64encode(bytes(ahead) + data).decode()
        # Signs that are of the value alone: each stands for six bits.
        first, behind = -(-ahead * 8 // 6), (ahead + len(data)) * 8 // 6
        core = whole[first:behind]
        if len(core) >= _SHORTEST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def readings(value: str) -> Iterator[str]:
    """The value as it may be after decoding: bytes each as a sign of its own, halves of signs as
    JSON has them, blanks as forms send them, quotes twice; and with what it holds of escapes
    itself decoded.
    """
    data = value.encode("utf-8", "surrogatepass")
    pairs = value.encode("utf-16-be", "surrogatepass")
    halves = (pairs[i : i + 2] for i in range(0, len(pairs), 2))
    forms = {
        value,
        data.decode("latin-1"),
        "".join(chr(int.from_bytes(half, "big")) for half in halves),
    }
    forms |= {form.replace(" ", "+") for form in forms}
    # As CSV and SQL have it.
    forms |= {form.replace(sign, sign * 2) for form in forms for sign in "\"'"}
    for form in forms:
        yield form
        yield from layers(form)


def _meaning(match: re.Match[str]) -> str:
    kind = match.lastgroup
    assert kind is not None
    text = match.group(kind)
    if kind == "line":
        return ""
    if kind == "shell":
        return "'"
    if kind == "simple":
        return _SIMPLE[text]
    if kind == "entity":
        return _ENTITIES[text]
    base = {"octal": 8, "number": 10}.get(kind, 16)
    code = int(text, base)
    return chr(code) if code <= 0x10FFFF else match.group()
