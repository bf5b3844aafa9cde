"""Rows made for a model when it is loaded, to try a short way with before it is ever used.

They hold what any reader can deliver: numbers of every size and dtype, gaps of every kind, the
values that the model has seen and others. Nothing of it comes from requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

# As many as there are extremes; few enough to cost little, and more than one shows how rows lie
# in memory.
_ROWS: Final = 7
_EXTREMES: Final = ("-0.0", "1e300", "-1e300", "5e-324", "inf", "-inf", "nan")
_DTYPES: Final = ("int64", "float32", "int8", "uint64", "bool", "object")
_UNKNOWN: Final = "\0 never seen"


def number_blocks(width: int) -> Iterator[Array]:
    """Matrices of float64 in the layout of a frame: one row, several, and ones with an extreme in
    every column.

    Args:
        width: columns of the model.
    """
    import numpy as np

    ordinary = _ordinary(width)
    yield ordinary[:1].copy()
    yield ordinary
    for extreme in _EXTREMES[1:]:
        block = ordinary.copy(order="F")
        # In another row for each column, so that rows are odd in several ways.
        block[np.arange(width) % _ROWS, np.arange(width)] = float(extreme)
        yield block


def _ordinary(width: int) -> Array:
    """Numbers of several sizes, both signs and both zeros; column by column in memory."""
    import numpy as np

    random = np.random.RandomState(0)
    block = random.normal(0, 1, (width, _ROWS)) * 10.0 ** (np.arange(width)[:, None] % 5 - 1)
    block[:, 1] = np.round(block[:, 1])
    block[::2, 2] = -0.0
    block[1::2, 2] = 0.0
    return block.T


def frames(names: Sequence[str], words: Mapping[str, Sequence[str]]) -> Iterator[pd.DataFrame]:
    """Frames with these columns: ordinary ones first, then ones that are odd in one way each.

    Args:
        words: the values that the model has seen, for the columns of text; the others are numbers.
    """
    import pandas as pd

    block = _ordinary(len(names))
    columns: dict[str, Any] = {
        name: _cycled(words[name]) if name in words else block[:, place]
        for place, name in enumerate(names)
    }
    ordinary = pd.DataFrame(columns)
    yield ordinary
    yield ordinary.head(1)
    numbers = [name for name in names if name not in words]
    yield from _odd_numbers(ordinary, numbers)
    yield from _odd_words(ordinary, list(words))


def _cycled(values: Sequence[str]) -> list[str]:
    return [values[place % len(values)] for place in range(_ROWS)] if values else ["?"] * _ROWS


def _odd_numbers(ordinary: pd.DataFrame, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    for extreme in _EXTREMES:
        yield ordinary.assign(**{name: _with(ordinary[name], float(extreme)) for name in names})
    whole = {name: ordinary[name].round().clip(0, 100) for name in names}
    for dtype in _DTYPES:
        yield ordinary.assign(**{name: column.astype(dtype) for name, column in whole.items()})
    # Columns of different kinds side by side, in both orders.
    for start in (0, 1):
        some = {name: whole[name].astype("int64") for name in names[start::2]}
        yield ordinary.assign(**some)
        yield ordinary.assign(**{name: ordinary[name].astype("float32") for name in some})
    yield ordinary.assign(**{name: float("nan") for name in names})


def _odd_words(ordinary: pd.DataFrame, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    if not names:
        return
    for odd in (_UNKNOWN, "", "07", float("nan"), None, 7, True, pd.NA):
        yield ordinary.assign(**{name: _with(ordinary[name].astype(object), odd) for name in names})
    for odd in (_UNKNOWN, float("nan")):
        # In the dtype that this pandas reads text as.
        yield ordinary.assign(**{name: _with(ordinary[name], odd) for name in names})
        yield ordinary.assign(**{name: _with(ordinary[name], odd) for name in names}).iloc[:1]
    yield ordinary.assign(**{name: float("nan") for name in names})
    yield ordinary.assign(**{name: pd.Series([None] * _ROWS, dtype=object) for name in names})
    for dtype in ("object", "category", "string"):
        yield ordinary.assign(**{name: ordinary[name].astype(dtype) for name in names})


def _with(column: pd.Series[Any], odd: Any) -> pd.Series[Any]:
    column = column.copy()
    column.iloc[[0, 3]] = odd
    return column
