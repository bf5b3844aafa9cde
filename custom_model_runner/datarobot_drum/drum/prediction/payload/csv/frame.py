"""A DataFrame from columns that are typed already: no dtype is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def frame_from_block(columns: pd.Index, block: np.ndarray[Any, Any]) -> pd.DataFrame:
    """A frame over ``block``, shape (rows, columns), which is not copied."""
    import pandas as pd

    return pd.DataFrame(block, columns=columns, copy=False)


def frame_from_columns(columns: pd.Index, arrays: Sequence[Any]) -> pd.DataFrame:
    """A frame of one array (numpy's or pandas' own) per column, all of one length."""
    import numpy as np
    import pandas as pd

    if all(array.dtype == np.float64 for array in arrays):
        return frame_from_block(columns, np.array(arrays).T)
    from_blocks = _from_blocks()
    if from_blocks is not None:
        return from_blocks(_blocks(arrays), pd.RangeIndex(len(arrays[0])), columns)
    frame = pd.DataFrame(dict(enumerate(arrays)), copy=False)
    frame.columns = columns
    return frame


@cache
def _from_blocks() -> Callable[[list[Any], pd.Index, pd.Index], pd.DataFrame] | None:
    """pandas 3's low-level constructor, a third of the cost of the ordinary one."""
    try:
        internals = import_module("pandas.api.internals")
    except ImportError:
        return None
    return getattr(internals, "create_dataframe_from_blocks", None)


def _blocks(arrays: Sequence[Any]) -> list[tuple[Any, np.ndarray[Any, Any]]]:
    import numpy as np

    together: dict[Any, list[int]] = {}
    for position, array in enumerate(arrays):
        # Only numpy's own arrays share a block.
        key = array.dtype if isinstance(array, np.ndarray) else position
        together.setdefault(key, []).append(position)
    return [
        (
            np.array([arrays[position] for position in positions])
            if isinstance(key, np.dtype)
            else arrays[key],
            np.array(positions),
        )
        for key, positions in together.items()
    ]
