"""The words for true and false, wherever a text stands for one of them."""

from __future__ import annotations

from typing import Final

_TRUE: Final = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE: Final = frozenset({"f", "false", "n", "no", "off", "0", "none"})


def truth(text: str, f_is_false: bool = True) -> bool | None:
    """What the text says; None where it is none of the words. Case and outer blanks do not count.

    Args:
        f_is_false: ``f`` is none of the words where the contract lists them without it: in a
            variable that stands in for an option, and among class labels.
    """
    word = text.strip().lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE and (f_is_false or word != "f") else None
