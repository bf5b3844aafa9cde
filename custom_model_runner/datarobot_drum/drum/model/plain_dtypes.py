"""Columns of pandas' nullable and Arrow-backed dtypes as the plain ones that every framework takes.

A model answers the same whichever of the two a reader, a hook or a client's library chose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def plain_dtypes(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with plain dtypes, or the frame itself where it has no other.

    Whole numbers and booleans keep their dtype when nothing is missing, and are float64 with NaN
    otherwise; text is what this pandas makes of text, NaN where missing; decimals are float64.
    """
    # ``frame.dtypes`` makes a Series, which costs more than many a prediction.
    blocks = getattr(getattr(frame, "_mgr", None), "blocks", None)
    dtypes = frame.dtypes if blocks is None else [block.dtype for block in blocks]
    if not any(map(_is_nullable, dtypes)):
        return frame
    plain = frame.copy(deep=False)
    for place, dtype in enumerate(frame.dtypes):
        if _is_nullable(dtype):
            plain.isetitem(place, plain_values(frame.iloc[:, place]).array)
    return plain


def plain_values(column: pd.Series[Any]) -> pd.Series[Any]:
    """One column, as in ``plain_dtypes``."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) and _is_nullable(dtype):
        categories = plain_values(pd.Series(dtype.categories))
        return column.cat.rename_categories(categories.array)
    if not _is_nullable(dtype):
        return column
    if isinstance(dtype, pd.StringDtype):
        return _text(column)
    if dtype.kind in "biuf":
        return pd.Series(_numbers(column), index=column.index, name=column.name)
    return _from_arrow(column, dtype) if isinstance(dtype, pd.ArrowDtype) else _objects(column)


def _is_nullable(dtype: Any) -> bool:
    """Told by its missing value. pandas' own text of the newer kind has NaN, and is plain."""
    import numpy as np
    import pandas as pd

    if isinstance(dtype, np.dtype):
        return False
    if isinstance(dtype, pd.CategoricalDtype):
        return _is_nullable(dtype.categories.dtype)
    return getattr(dtype, "na_value", None) is pd.NA


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    dtype: Any = column.dtype
    if dtype.kind == "f":
        return column.to_numpy(dtype=dtype.numpy_dtype, na_value=np.nan)
    if column.isna().any():
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy(dtype=dtype.numpy_dtype)


def _from_arrow(column: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd
    import pyarrow

    kind, types = dtype.pyarrow_dtype, pyarrow.types
    if types.is_string(kind) or types.is_large_string(kind):
        return _text(column)
    if types.is_decimal(kind) or types.is_null(kind):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return pd.Series(values, index=column.index, name=column.name)
    if types.is_dictionary(kind):
        return plain_values(column.astype(pd.ArrowDtype(kind.value_type)))
    if types.is_timestamp(kind) and kind.tz is not None:
        return column.astype(pd.DatetimeTZDtype(kind.unit, kind.tz))
    if types.is_timestamp(kind) or types.is_duration(kind):
        return column.astype(dtype.numpy_dtype)
    return _objects(column)


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    values = _objects(column)
    return values.astype(pd.Series(["text"]).dtype)


def _objects(column: pd.Series[Any]) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    values = column.to_numpy(dtype=object, na_value=np.nan)
    return pd.Series(values, index=column.index, name=column.name, dtype=object)
