"""The word that somebody who misspelt one probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SIMILAR: Final = 0.75


def nearest(word: str, known: Iterable[str], least: float = _SIMILAR) -> str | None:
    """The known word that is spelt most alike, in any case; None when none is near.

    Args:
        least: how much alike, from 0 to 1.
    """
    import difflib

    spelled = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=least)
    return spelled[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str], least: float = _SIMILAR) -> str:
    """The end of an error about ``word``: a question, or nothing."""
    meant = nearest(word, known, least)
    return "" if meant is None else f". Did you mean '{meant}'?"
