"""Predictions as the JSON body of ``/predict/``.

Numbers are the shortest text that reads back as the same float64, NaN and infinities are
null. Everything else is written as pandas' ``to_json`` writes it, which is what clients of
these routes have always got: ASCII only, ``/`` as ``\\/``, datetimes as epoch milliseconds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.json_text import dump_ascii, dump_numbers

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd

TEXT_TYPES = frozenset(
    {
        TargetType.TEXT_GENERATION,
        TargetType.GEO_POINT,
        TargetType.VECTOR_DATABASE,
        TargetType.AGENTIC_WORKFLOW,
    }
)


def predictions_json(predictions: Predictions, target_type: TargetType) -> bytes:
    """Encode predictions, and the extra model output when there is any.

    Raises:
        ModelError: a numeric target type with values that are not numbers, or a value that
            has no JSON form.
    """
    if target_type in TEXT_TYPES:
        body = dump_ascii(predictions.values[:, 0].tolist())
    elif target_type.is_classification():
        body = _records(as_floats(predictions.values), predictions.columns)
    else:
        body = dump_numbers(as_floats(predictions.values[:, 0]))
    if predictions.extra is None:
        return b'{"predictions":%b}' % body
    return b'{"predictions":%b,"extraModelOutput":%b}' % (body, _extra(predictions.extra))


def as_floats(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cast to float64: bools, integers and numeric text too.

    Raises:
        ModelError: text that is no number.
    """
    import numpy as np

    if values.dtype == np.float64:
        return values
    if values.dtype.kind == "U":
        # As Python's own text, so that an error shows 'a' and not np.str_('a').
        values = values.astype(object)
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ModelError(str(error)) from error


def _records(values: np.ndarray[Any, Any], columns: tuple[str, ...]) -> bytes:
    numbers = dump_numbers(values.ravel())[1:-1]
    if not numbers:
        return b"[]"
    # One formatting operation for the whole table: no dict, no Python code per row.
    template = b",".join([_record_template(columns)] * len(values))
    return b"[%b]" % (template % tuple(numbers.split(b",")))


@lru_cache(maxsize=64)
def _record_template(columns: tuple[str, ...]) -> bytes:
    keys = (dump_ascii(column).replace(b"%", b"%%") for column in columns)
    return b"{%b}" % b",".join(key + b":%b" for key in keys)


def _extra(extra: pd.DataFrame) -> bytes:
    rows = list(zip(*json_columns(extra), strict=True))
    return b'{"columns":%b,"index":%b,"data":%b}' % (
        dump_ascii(extra.columns.tolist()),
        dump_ascii(_json_values(extra.index)),
        dump_ascii(rows),
    )


def json_columns(frame: pd.DataFrame) -> list[list[Any]]:
    """The values of each column, of types that JSON knows where pandas' own are none."""
    return [_json_values(frame.iloc[:, position]) for position in range(frame.shape[1])]


def _json_values(column: pd.Series[Any] | pd.Index[Any]) -> list[Any]:
    kind = getattr(column.dtype, "kind", "O")
    if kind in "mM":
        return _milliseconds(column)
    return column.tolist()


def _milliseconds(column: pd.Series[Any] | pd.Index[Any]) -> list[int | None]:
    import pandas as pd

    index: Any = pd.Index(column)
    if getattr(index, "tz", None) is not None:
        index = index.tz_convert(None)
    numbers = index.to_numpy().astype(f"{index.dtype.kind}8[ms]").astype("int64").tolist()
    pairs = zip(numbers, index.isna(), strict=True)
    return [None if missing else number for number, missing in pairs]
