"""One kind of missing value, whatever a table came in: NaN, as ``read_csv`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def with_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """NaN for every None; the frame itself is changed."""
    import numpy as np

    for position in object_columns(frame):
        column = frame.iloc[:, position]
        missing = column.isna().to_numpy()
        if missing.any():
            values = column.to_numpy(dtype=object, copy=True)
            values[missing] = np.nan
            frame.isetitem(position, values)
    return frame


def object_columns(frame: pd.DataFrame) -> list[int]:
    """Where the columns of Python objects stand."""
    import numpy as np

    return [
        position
        for position, dtype in enumerate(frame.dtypes)
        if isinstance(dtype, np.dtype) and dtype.kind == "O"
    ]
