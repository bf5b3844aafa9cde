"""Which columns of a table are text to the model, so that a reader takes no ``07`` for 7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.utils.gaps import MISSING
from datarobot_drum.drum.utils.spelling import Spelling


@dataclass(frozen=True, slots=True)
class TextColumns:
    """The columns that are text to a model.

    Args:
        names: as the model knows them.
        features: all columns of the model, in its order.
        gap_words: see ``ModelInfo.gap_words``.
    """

    names: frozenset[str]
    features: tuple[str, ...] = ()
    gap_words: frozenset[tuple[str, str]] = frozenset()

    def missing_words(self, header: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Those names of a header that are text to the model, and what is no value in each.

        Names may be spelled as a framework spells them. Where the model only numbers its columns,
        a table with other names has them in the model's order.
        """
        return _missing_words(self, tuple(header))

    def may_spread(self, header: Sequence[str]) -> bool:
        """Whether pandas may take more columns for text: those that repeat a name of one that is
        get a number behind it, and its dtype.
        """
        told = self.missing_words(header)
        others = (name.rpartition(".") for name in header if name not in told)
        return any(name in told and number.isdecimal() for name, _, number in others)

    def options(self, header: Sequence[str]) -> dict[str, Any]:
        """What to tell pandas, which takes missing values for all columns or for none."""
        missing = self.missing_words(header)
        options: dict[str, Any] = {"dtype": dict.fromkeys(missing, str)}
        if any(words is not MISSING for words in missing.values()):
            words = {name: [*missing.get(name, MISSING)] for name in header}
            options |= {"keep_default_na": False, "na_values": words}
        return options


# A client's headers seldom change.
@lru_cache(maxsize=64)
def _missing_words(columns: TextColumns, header: tuple[str, ...]) -> dict[str, frozenset[str]]:
    kept: dict[str, set[str]] = {}
    for name, word in columns.gap_words:
        kept.setdefault(name, set()).add(word)
    own = _own_names(columns, header)
    return {name: MISSING - kept[own[name]] if own[name] in kept else MISSING for name in own}


def _own_names(columns: TextColumns, header: tuple[str, ...]) -> dict[str, str]:
    """Name in the header -> what the model calls it."""
    features, names = columns.features, columns.names
    numbered = features == tuple(map(str, range(len(header))))
    if numbered and {*header} != {*features}:
        pairs = zip(header, features, strict=True)
        return {name: own for name, own in pairs if own in names}
    found = {}
    for name in header:
        own = next((each.of(name) for each in Spelling if each.of(name) in names), None)
        if own is not None:
            found[name] = own
    return found


@lru_cache(maxsize=8)
def _text_columns(
    names: frozenset[str], features: tuple[str, ...], gap_words: frozenset[tuple[str, str]]
) -> TextColumns:
    return TextColumns(names, features, gap_words)


def text_columns(info: ModelInfo) -> TextColumns:
    """The columns of a model that has some."""
    return _text_columns(info.text_columns, info.feature_names or (), info.gap_words)
