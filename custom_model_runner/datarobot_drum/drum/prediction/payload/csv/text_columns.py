"""Which columns of a table are text to the model, so that a reader takes no ``07`` for 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.utils.spelling import Spelling


@dataclass(frozen=True, slots=True)
class TextColumns:
    """The columns that are text to a model.

    Args:
        names: as the model knows them.
        features: all columns of the model, in its order.
    """

    names: frozenset[str]
    features: tuple[str, ...] = ()

    def among(self, header: Sequence[str]) -> tuple[str, ...]:
        """Those names of a header that are text to the model.

        Names may be spelled as a framework spells them. Where the model only numbers its columns,
        a table with other names has them in the model's order.
        """
        return _among(self.names, self.features, tuple(header))


# A client's headers seldom change.
@lru_cache(maxsize=64)
def _among(
    names: frozenset[str], features: tuple[str, ...], header: tuple[str, ...]
) -> tuple[str, ...]:
    numbered = features == tuple(map(str, range(len(header))))
    if numbered and {*header} != {*features}:
        pairs = zip(header, features, strict=True)
        return tuple(name for name, own in pairs if own in names)
    return tuple(name for name in header if any(each.of(name) in names for each in Spelling))


@lru_cache(maxsize=8)
def _text_columns(names: frozenset[str], features: tuple[str, ...]) -> TextColumns:
    return TextColumns(names, features)


def text_columns(info: ModelInfo) -> TextColumns:
    """The columns of a model that has some."""
    return _text_columns(info.text_columns, info.feature_names or ())
