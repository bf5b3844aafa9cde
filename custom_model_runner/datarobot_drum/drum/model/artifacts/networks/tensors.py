"""A table's columns as the tensors that a network or a graph takes: by type, and by name.

A value that a tensor cannot hold (text where numbers are wanted, a gap in whole numbers) is the
client's mistake, and the text names its column. A number never becomes another one on its way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.columns import UNKNOWN, Extras, InputColumns
from datarobot_drum.drum.utils.spelling import Spelling

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array: TypeAlias = np.ndarray[Any, Any]

TEXT: Final = "text"
# What exporters call inputs that nobody has named.
_GENERATED: Final = re.compile(r"(keras_tensor|input|input_layer|onnx::\w+?)?[._]?\d*")
_LONGEST_NAME: Final = 80
_NO_NUMBERS: Final = "has values that are no numbers"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input of a model.

    Attributes:
        dtype: what numpy calls its type, or ``TEXT``.
        rank: its dimensions, rows included; None: nobody knows.
        width: its second dimension; None: any, or nobody knows.
    """

    name: str
    dtype: str
    rank: int | None = 2
    width: int | None = None

    @property
    def is_column(self) -> bool:
        """Whether one column of a table may be all of it."""
        return self.rank in (None, 1) or (self.rank == 2 and self.width in (None, 1))

    @property
    def count(self) -> int | None:
        """How many columns of a table it takes."""
        return 1 if self.rank == 1 else self.width


class Inputs:
    """The inputs of one model, in its order.

    A single one takes the whole table, by position. Several take one column each, by name.

    Attributes:
        columns: what a table has to have.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = tuple(tensors)
        self.columns = _columns(self._tensors)

    def arrays(self, data: Any) -> list[Array]:
        """One array for each input, its first dimension the rows.

        Args:
            data: the table, with the columns of ``columns`` where these have names; or an
                array of its shape.

        Raises:
            ColumnsError: a column has values that its tensor cannot hold.
            ValueError: nobody can know which columns belong to which input.
        """
        if len(self._tensors) == 1:
            return [_whole(data, self._tensors[0])]
        wide = [tensor.name for tensor in self._tensors if not tensor.is_column]
        if wide:
            raise ValueError(
                f"The model has {len(self._tensors)} inputs, and {wide} take more than one column: "
                "nothing says which columns belong to which. Feed them in a score hook, or save "
                "the model with one input, or with one input for each column."
            )
        pairs = zip(_split(data), self._tensors, strict=True)
        return [_one(column, tensor) for column, tensor in pairs]


def matrix(data: Any, dtype: str) -> Array:
    """All of a table as one C-contiguous array of shape (rows, columns).

    Args:
        dtype: what numpy calls it, or ``TEXT``.

    Raises:
        ColumnsError: a column has values that are none of this type.
    """
    import numpy as np
    import pandas as pd

    is_table = isinstance(data, pd.DataFrame)
    numbers = np.dtype(_numpy_type(dtype)).kind == "f"
    if not is_table or (numbers and not any(map(_is_time, data.dtypes))):
        try:
            return np.ascontiguousarray(data, dtype=_numpy_type(dtype))
        except (TypeError, ValueError):
            if not is_table:
                raise
    columns = [_values(data.iloc[:, i], dtype, named=False) for i in range(data.shape[1])]
    if not columns:
        return np.empty(data.shape, dtype=_numpy_type(dtype))
    return np.ascontiguousarray(np.stack(columns, axis=1))


def joined_pieces(
    arrays: Sequence[Array], size: int, predict: Callable[[list[Array]], Array]
) -> Array:
    """What a model answers that takes just ``size`` rows at a time.

    The last piece is filled up with its last row, whose further answers are left out.

    Raises:
        ValueError: it does not give an answer for each row.
    """
    import numpy as np

    rows, results = len(arrays[0]), []
    for start in range(0, rows, size):
        places = np.minimum(np.arange(start, start + size), rows - 1)
        result = predict([array[places] for array in arrays])
        if len(result) != size:
            raise ValueError(
                f"The model takes {size} rows at a time, and answered with {len(result)}: export "
                "it with a dynamic first dimension."
            )
        results.append(result)
    return np.concatenate(results)[:rows]


def with_rows(result: Array, rows: int) -> Array:
    """A model's answer, the dimension of the rows in front.

    ``squeeze`` in a model takes that of a single row away with the one it is meant for.
    """
    is_squeezed = rows == 1 and result.ndim < 2 and result.shape[:1] != (1,)
    return result.reshape(1, -1) if is_squeezed else result


def require_probabilities(dtype: Any, is_float: bool) -> None:
    """Of a label of 0 or 1 a certain probability would be made.

    Raises:
        ValueError: a classification model's answer is no float.
    """
    if not is_float:
        raise ValueError(
            f"The model returned values of type {dtype}: labels, and no probabilities, which a "
            "classification model publishes. Leave the step that chooses a class out of the "
            "model, or answer in a score hook."
        )


def _columns(tensors: tuple[Tensor, ...]) -> InputColumns:
    if len(tensors) == 1:
        tensor = tensors[0]
        text = frozenset({tensor.name} if tensor.dtype == TEXT else ())
        return InputColumns(count=tensor.count, text=text)
    if not all(tensor.is_column for tensor in tensors):
        return UNKNOWN
    names = tuple(tensor.name for tensor in tensors)
    return InputColumns(
        names,
        extras=Extras.DROPPED,
        generated=all(map(_GENERATED.fullmatch, names)),
        spelling=Spelling.IDENTIFIER,
        text=frozenset(tensor.name for tensor in tensors if tensor.dtype == TEXT),
    )


def _whole(data: Any, tensor: Tensor) -> Array:
    values = matrix(data, tensor.dtype)
    return values.reshape(len(values)) if tensor.rank == 1 and values.ndim == 2 else values


def _split(data: Any) -> list[pd.Series[Any]]:
    import pandas as pd

    frame = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    return [frame.iloc[:, place] for place in range(frame.shape[1])]


def _one(column: pd.Series[Any], tensor: Tensor) -> Array:
    values = _values(column, tensor.dtype, named=True)
    return values if tensor.rank == 1 else values.reshape(-1, 1)


def _values(column: pd.Series[Any], dtype: str, *, named: bool) -> Array:
    """The values of one column, of shape (rows,).

    Args:
        named: its name has told the reader of the rows whether it is text.
    """
    import numpy as np

    if dtype == TEXT:
        return _texts(column, named)
    if _is_time(column.dtype):
        raise _unfit(column, _NO_NUMBERS)
    if np.dtype(dtype).kind == "f":
        return _floats(column, dtype)
    return _whole_numbers(column, dtype)


def _floats(column: pd.Series[Any], dtype: str) -> Array:
    import numpy as np

    try:
        return column.to_numpy(dtype=dtype, na_value=np.nan)
    except (TypeError, ValueError):
        raise _unfit(column, _NO_NUMBERS) from None


def _whole_numbers(column: pd.Series[Any], dtype: str) -> Array:
    """Integers and truth values, which know no gap."""
    import numpy as np
    import pandas as pd

    _check_gaps(column)
    try:
        numbers = pd.to_numeric(column).to_numpy()
    except (TypeError, ValueError):
        raise _unfit(column, _NO_NUMBERS) from None
    if dtype == "bool":
        low, high, kind = 0, 1, "true or false"
    else:
        limits = np.iinfo(dtype)
        low, high, kind = int(limits.min), int(limits.max), "whole numbers of its range"
    # The largest float below 2**63 is a whole number; 2**63 itself is past every signed one.
    inside = (numbers >= low) & (numbers <= high)
    if numbers.dtype.kind == "f":
        inside &= (numbers == np.floor(numbers)) & (numbers < float(high) + (high < 2**53))
    if not inside.all():
        raise _unfit(column, f"has values that are not {kind}")
    return numbers.astype(dtype)


def _texts(column: pd.Series[Any], named: bool) -> Array:
    import numpy as np

    _check_gaps(column)
    values = np.empty(len(column), dtype=object)
    values[:] = [_text(value) for value in column.tolist()]
    if not named and len(values) and column.dtype.kind in "biuf":
        # '07' may have been taken for 7 before anybody could know that it is text.
        raise _unfit(column, "came as numbers, and the model takes text: send JSON with text in it")
    return values


def _text(value: Any) -> str:
    """As it stands in the request, whatever stands beside it: 7 is ``7`` in company of 1.5."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_time(dtype: Any) -> bool:
    """Of points in time numpy makes numbers, whose unit nobody knows."""
    return dtype.kind in "mM"


def _check_gaps(column: pd.Series[Any]) -> None:
    if column.isna().any():
        raise _unfit(column, "has missing values, and the model's input of this type knows none")


def _unfit(column: pd.Series[Any], what: str) -> ColumnsError:
    return ColumnsError(f"The column '{str(column.name)[:_LONGEST_NAME]}' {what}.")


def _numpy_type(dtype: str) -> str:
    return "object" if dtype == TEXT else dtype
