"""What ``read_csv`` of the installed pandas does, where its versions differ."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

TRUE_WORDS = frozenset(("True", "TRUE", "true"))
FALSE_WORDS = frozenset(("False", "FALSE", "false"))

# Cells of a frame: up to here pandas reads a body in one go.
LEAST_CHUNK: Final = 2**18
_CHUNK_CELLS: Final = 2**20

# Decimals that a parser which is not correctly rounded gets wrong by one unit or more.
HARD_DECIMALS = (
    "0.038075906433423026",
    "-0.044223498424446004",
    "0.1234567890123456789",
    "9007199254740993.0",
    "7.2057594037927933e16",
    "1.7976931348623157e30",
    "0.5000000000000001665334536937734810635447502136230468",
    "123456789012345678.9",
    "6.02214076e23",
    "8.5e-23",
    "1.00000000000000011102230246251565",
    "0.000012345678901234567",
)


@cache
def rounds_correctly() -> bool:
    """Whether pandas reads decimals to the nearest float64, as Python does (3.x, not 2.x)."""
    import pandas as pd

    body = "\n".join(("a", *HARD_DECIMALS)).encode()
    values = pd.read_csv(io.BytesIO(body))["a"].tolist()
    return bool(values == [float(text) for text in HARD_DECIMALS])


def float_array(
    cells: Sequence[str], floats: Sequence[float] | None = None
) -> np.ndarray[Any, Any]:
    """Well-formed decimals as float64, digit for digit as ``read_csv`` would read them.

    Args:
        cells: the text.
        floats: the same, correctly rounded, where the caller knows it already.
    """
    import numpy as np

    if rounds_correctly():
        return np.array([float(cell) for cell in cells] if floats is None else floats)
    import pandas as pd

    return pd.to_numeric(np.array(cells, dtype=object)).astype(np.float64)


def rows_of_chunk(width: int) -> int:
    """How many rows pandas looks at together: half a power of two that stays below its room."""
    rows = 1
    while rows * 2 < _CHUNK_CELLS // width:
        rows *= 2
    return rows


@cache
def text_dtype() -> Any:
    """The dtype of a column of text: ``object`` in pandas 2, ``str`` in pandas 3."""
    import pandas as pd

    return pd.read_csv(io.BytesIO(b"a\ntext\n"))["a"].dtype


def text_array(values: list[Any]) -> Any:
    """Texts and NaN, as an array of the dtype that ``read_csv`` gives a column of text."""
    import numpy as np
    import pandas as pd

    dtype = text_dtype()
    if isinstance(dtype, np.dtype):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    return pd.array(values, dtype=dtype)


@cache
def refuses_in_every_chunk() -> bool:
    """Whether pandas sees a row that is longer than the header wherever it stands (3.x); 2.x
    cuts it where it is the first of what it reads at a time.
    """
    import pandas as pd

    # 512 rows of 1024 columns are read at a time.
    body = b"0," * 1023 + b"0\n" + b"1\n" * 512 + b"1," * 1024 + b"1\n" + b"1\n"
    try:
        pd.read_csv(io.BytesIO(body))
    except ValueError:
        return True
    return False
