"""Rows made for a model when it is loaded, to try a fast path with before it is ever used.

They hold what any reader can deliver: numbers of every size and dtype, gaps of every kind, the
values that the model has seen and others. Nothing of it comes from requests.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

# Few enough to cost little; more than one shows how rows lie in memory.
_ROWS: Final = 7
# What stands together in one frame: a model may take the first, and refuse another.
_EXTREMES: Final = (
    (-0.0, 1e300, -1e300, 5e-324, 16777217.0),
    (math.nan, -0.0, math.nan, -1e300),
    (math.inf, -math.inf, 1.0),
)
_DTYPES: Final = ("int64", "float32", "int8", "uint64", "bool", "object")
_UNKNOWN: Final = "\0 never seen"
# What scikit-learn's own classes, and ours in their place, raise for rows that they do not take.
# The warning, where it is an error, says that names are missing.
REFUSALS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    UserWarning,
)


def number_blocks(width: int) -> Iterator[Array]:
    """Matrices of float64 in the layout of a frame: one row, several, and ones with an extreme in
    every column.

    Args:
        width: columns of the model.
    """

    ordinary = _ordinary(width)
    yield ordinary[:1].copy()
    yield ordinary
    for extremes in _EXTREMES:
        yield _with_extremes(ordinary, extremes)


def _with_extremes(block: Array, extremes: Sequence[float]) -> Array:
    """Each column has each extreme, in other rows than its neighbour."""
    import numpy as np

    block = block.copy(order="F")
    places = np.arange(block.shape[1])
    for shift, extreme in enumerate(extremes):
        block[(places + shift) % _ROWS, places] = extreme
    return block


def _ordinary(width: int) -> Array:
    """Numbers of several sizes, both signs and both zeros; column by column in memory."""
    import numpy as np

    random = np.random.RandomState(0)
    block = random.normal(0, 1, (width, _ROWS)) * 10.0 ** (np.arange(width)[:, None] % 5 - 1)
    block[:, 1] = np.round(block[:, 1])
    block[::2, 2] = -0.0
    block[1::2, 2] = 0.0
    return block.T


def frames(
    names: Sequence[str], words: Mapping[str, Sequence[str]], numbers: Sequence[Sequence[str]]
) -> Iterator[pd.DataFrame]:
    """Frames with these columns: ordinary ones first, then ones that are odd in one way each.

    Args:
        words: the values that the model has seen, for the columns of text; the others are numbers.
        numbers: the columns of numbers that the model works on alike. What is odd comes to one of
            these groups at a time: another may refuse it, and tell nothing of this one.
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
    for group in numbers:
        yield from _extremes(ordinary, group)
    yield from _odd_numbers(ordinary, [name for name in names if name not in words])
    yield from _odd_words(ordinary, list(words))


def _cycled(values: Sequence[str]) -> list[str]:
    return [values[place % len(values)] for place in range(_ROWS)] if values else ["?"] * _ROWS


def _extremes(ordinary: pd.DataFrame, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    block = ordinary[list(names)].to_numpy()
    for extremes in _EXTREMES:
        odd = _with_extremes(block, extremes)
        yield ordinary.assign(**{name: odd[:, place] for place, name in enumerate(names)})


def _odd_numbers(ordinary: pd.DataFrame, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    if not names:
        return
    whole = {name: ordinary[name].round().clip(0, 100) for name in names}
    for dtype in _DTYPES:
        yield ordinary.assign(**{name: column.astype(dtype) for name, column in whole.items()})
    # Columns of different kinds side by side, in both orders.
    for start in (0, 1):
        some = {name: whole[name].astype("int64") for name in names[start::2]}
        yield ordinary.assign(**some)
        yield ordinary.assign(**{name: ordinary[name].astype("float32") for name in some})
    yield ordinary.assign(**dict.fromkeys(names, math.nan))


def _odd_words(ordinary: pd.DataFrame, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    if not names:
        return
    for odds in ((_UNKNOWN, "", "07"), (math.nan,), (None,), (7,), (True,), (pd.NA,)):
        mixed = {name: _with(ordinary[name].astype(object), odds) for name in names}
        yield ordinary.assign(**mixed)
    # In the dtype that this pandas reads text as.
    gaps = ordinary.assign(**{name: _with(ordinary[name], (math.nan, _UNKNOWN)) for name in names})
    yield gaps
    yield gaps.head(1)
    yield ordinary.assign(**dict.fromkeys(names, math.nan))
    yield ordinary.assign(**{name: pd.Series([None] * _ROWS, dtype=object) for name in names})
    for dtype in ("category", "string"):
        yield ordinary.assign(**{name: ordinary[name].astype(dtype) for name in names})


def _with(column: pd.Series[Any], odds: Sequence[Any]) -> pd.Series[Any]:
    column = column.copy()
    for place, odd in enumerate(odds):
        column.iloc[2 * place] = odd
    return column


def agree(compare: Callable[[], bool]) -> bool:
    """Whether a comparison on made rows holds; it does not where the model itself fails at them."""
    try:
        with _unheard():
            return compare()
    # A user's function in a model (a metric, a kernel) may raise anything for rows that it does not
    # expect; the model has to load all the same.
    except Exception:
        return False


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Made rows are odd, and nobody wants to read what a library thinks of them. Only while a
    model is loaded: Python's filters for warnings are those of all threads.

    A model that misses the names would say so with every request: it does not fit.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="X does not have valid feature names")
        yield
