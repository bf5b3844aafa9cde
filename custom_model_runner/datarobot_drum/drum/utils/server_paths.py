"""Paths of this machine in a text: found, and taken out."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from functools import lru_cache
from typing import Final

SHOWN: Final = "<path>"

_SIGN: Final = r"[\w.+@=~#$%,-]"
_LAST_SIGN: Final = r"[\w+@=~#$%-]"
# As it is, as JSON may escape it, as URLs encode it.
_SLASH: Final = r"(?:\\{0,2}/|%2[Ff])"
# Not what stands behind a host; but behind a colon, and in a URL that has no host.
_PATH: Final = re.compile(
    rf"(?:(?<=file://localhost)/+|(?<=://)/+|(?<![\w/.~:])//+"
    rf"|(?<![\w/.~\\%])(?:\\{{0,2}}/(?!/)|%2[Ff]))"
    rf"(?:{_SIGN}+{_SLASH}+)*(?:{_SIGN}*{_LAST_SIGN})?"
)
_SLASHES: Final = re.compile(f"{_SLASH}+")
_QUOTES: Final = "'\"`"
# Names may hold blanks: so many words are tried, of so many paths of a text.
_MOST_WORDS: Final = 8
_MOST_WITH_BLANKS: Final = 20
_ENDS: Final = re.compile(r"[\n\r\0'\"`<>|]")
_BLANK: Final = re.compile(r"\\? ")
_CUT: Final = re.compile(r"[/\\.,:;)\]}!?]")
_MOST_CUTS: Final = 8
# Signs, from where a name with a blank may begin.
_FURTHEST: Final = 1000
_TAIL: Final = re.compile(rf"(?:{_SLASH}+{_SIGN}*{_LAST_SIGN})*")
# The rest of a name with blanks that has an ending.
_REST_OF_NAME: Final = re.compile(r"(?:\\? [\w-]+){0,2}\\? [\w-]+\.[A-Za-z]\w{0,7}(?![\w.(])")


def without_paths(text: str) -> str:
    """The text with ``<path>`` for each path of this machine's, whether or not it exists.

    Routes look like paths too: what begins with a name that the machine's root has not is none.
    """
    roots = _roots()
    if roots is not None:
        text = roots.sub(SHOWN, text)
    pieces: list[str] = []
    done = with_blanks = 0
    for match in _PATH.finditer(text):
        begin, end = match.span()
        path = _SLASHES.sub("/", match.group())
        if begin < done or path == "/" or not _is_at_root(path.split("/")[1]):
            continue
        if with_blanks < _MOST_WITH_BLANKS and text[end : end + 1] in (" ", "\\"):
            with_blanks += 1
            end = _end_with_blanks(text, begin, end)
        pieces += [text[done:begin], SHOWN]
        done = end
    return "".join([*pieces, text[done:]])


@lru_cache(maxsize=1024)
def _is_at_root(name: str) -> bool:
    return os.path.lexists(f"/{name}")


def _roots() -> re.Pattern[str] | None:
    """Folders that are known to be this server's, wherever they stand in a word."""
    known = {sys.prefix, sys.base_prefix, os.path.expanduser("~")}
    # It may have been removed.
    with contextlib.suppress(OSError):
        known.add(os.getcwd())
    # Those at the root would be parts of others' paths.
    return _pattern_of(frozenset(root for root in known if root.count("/") > 1))


@lru_cache(maxsize=4)
def _pattern_of(roots: frozenset[str]) -> re.Pattern[str] | None:
    if not roots:
        return None
    longest_first = sorted(roots, key=len, reverse=True)
    forms = "|".join(_SLASH.join(map(re.escape, root.split("/"))) for root in longest_first)
    return re.compile(rf"(?:{forms})(?![\w-])(?:{_SLASH}+{_SIGN}*{_LAST_SIGN})*")


def _end_with_blanks(text: str, begin: int, end: int) -> int:
    """Where a path really ends whose part until ``end`` is followed by a blank."""
    quote = _quote_before(text, begin)
    if quote:
        closing, line = text.find(quote, end), text.find("\n", end)
        if closing >= 0 and not 0 <= line < closing:
            return closing
    stop = _ENDS.search(text, end, end + _FURTHEST)
    limit = stop.start() if stop else min(len(text), end + _FURTHEST)
    best = position = end
    for _ in range(_MOST_WORDS):
        blank = _BLANK.match(text, position, limit)
        if blank is None or text[blank.end() : blank.end() + 1] in ("/", ""):
            break
        behind = _BLANK.search(text, blank.end(), limit)
        position = behind.start() if behind else limit
        cuts = [cut.start() for cut in _CUT.finditer(text, blank.end() + 1, position)]
        for cut in [position, *reversed(cuts)][:_MOST_CUTS]:
            if os.path.lexists(_unescaped(text[begin:cut])):
                best = cut
                break
    rest = (_TAIL if best > end else _REST_OF_NAME).match(text, best)
    if best == end and "." in _unescaped(text[begin:end]).rpartition("/")[2]:
        return end
    return rest.end() if rest else best


def _unescaped(text: str) -> str:
    return _SLASHES.sub("/", text).replace("\\ ", " ")


def _quote_before(text: str, begin: int) -> str:
    """The quote that the word with the path begins with, as ``'sqlite:////…``."""
    while begin > 0 and not text[begin - 1].isspace():
        begin -= 1
        if text[begin] in _QUOTES:
            return text[begin]
    return ""
