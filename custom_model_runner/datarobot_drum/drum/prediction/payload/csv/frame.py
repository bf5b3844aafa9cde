"""A DataFrame from columns that are typed already: no dtype is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Values and which columns they are: numpy's of shape (columns, rows), or one of pandas' own.
Block: TypeAlias = tuple[Any, "np.ndarray[Any, Any]"]


def frame_from_block(columns: pd.Index, block: np.ndarray[Any, Any]) -> pd.DataFrame:
    """A frame over ``block``, shape (rows, columns), which is not copied."""
    import pandas as pd

    return pd.DataFrame(block, columns=columns, copy=False)


def frame_from_columns(columns: pd.Index, arrays: Sequence[Any]) -> pd.DataFrame:
    """A frame of one array (numpy's or pandas' own) per column, all of one length."""
    import numpy as np

    if all(array.dtype == np.float64 for array in arrays):
        return frame_from_block(columns, np.array(arrays).T)
    return frame_from_blocks(columns, _blocks(arrays), len(arrays[0]))


def frame_from_blocks(columns: pd.Index, blocks: list[Block], rows: int) -> pd.DataFrame:
    """A frame over blocks, which together have all columns and are not copied."""
    import pandas as pd

    return _from_blocks()(blocks, pd.RangeIndex(rows), columns)


@cache
def _from_blocks() -> Callable[[list[Block], pd.Index, pd.Index], pd.DataFrame]:
    """pandas' low-level constructor, a third of the cost of the ordinary one with few columns and
    a hundredth with many. pandas 2 has it not among what it promises.
    """
    try:
        internals: Any = import_module("pandas.api.internals")
        create: Callable[..., pd.DataFrame] = internals.create_dataframe_from_blocks
    except (ImportError, AttributeError):
        return _from_blocks_of_pandas_2
    return create


def _from_blocks_of_pandas_2(
    blocks: list[Block], index: pd.Index, columns: pd.Index
) -> pd.DataFrame:
    import pandas as pd

    internals: Any = import_module("pandas.core.internals")
    made = [internals.make_block(values, places, ndim=2) for values, places in blocks]
    manager = internals.BlockManager(made, [columns, index])
    frame_class: Any = pd.DataFrame
    frame: pd.DataFrame = frame_class._from_mgr(manager, manager.axes)
    return frame


def _blocks(arrays: Sequence[Any]) -> list[Block]:
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
