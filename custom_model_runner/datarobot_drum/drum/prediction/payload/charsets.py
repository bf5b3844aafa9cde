"""Text in a charset that a client names."""

from __future__ import annotations

import encodings
import pkgutil
from encodings.aliases import aliases
from functools import cache
from typing import Final

# For the names of hosts: the time that they take grows with the square of the text's length.
_OF_HOSTS: Final = frozenset({"idna", "punycode"})


def decode_text(data: bytes, charset: str, errors: str = "strict") -> str:
    """What ``bytes.decode`` makes of it, in any charset that Python brings.

    Python itself keeps every other name that it is asked for, for as long as it runs.

    Raises:
        LookupError: nobody knows the charset, or it is none of texts.
        ValueError: the text is not in it.
    """
    if _module(charset) not in _modules():
        raise LookupError(f"unknown encoding: {charset[:80]}")
    return data.decode(charset, errors)


def _module(charset: str) -> str:
    """The one of the standard library that decodes it."""
    name = encodings.normalize_encoding(charset.lower())
    return aliases.get(name) or aliases.get(name.replace(".", "_")) or name


@cache
def _modules() -> frozenset[str]:
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    return frozenset(names - _OF_HOSTS)
