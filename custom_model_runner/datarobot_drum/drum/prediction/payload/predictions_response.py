"""The answer of ``/predict/``: JSON, or another format that the client asks for.

In JSON numbers are the shortest text that reads back as the same float64, NaN and infinities are
null. Everything else is written as pandas' ``to_json`` writes it, which is what clients of
these routes have always got: ASCII only, ``/`` as ``\\/``, datetimes as epoch milliseconds.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.messages import JSON, PredictResponse, parse_header
from datarobot_drum.drum.prediction.payload.arrow import ARROW_STREAM, predictions_arrow
from datarobot_drum.drum.prediction.payload.json_text import dump_ascii
from datarobot_drum.drum.prediction.payload.predictions_csv import predictions_csv

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd

CSV = "text/csv"
CSV_UTF8 = "text/csv; charset=utf-8"
TEXT_TYPES = frozenset(
    {
        TargetType.TEXT_GENERATION,
        TargetType.GEO_POINT,
        TargetType.VECTOR_DATABASE,
        TargetType.AGENTIC_WORKFLOW,
    }
)
# Known from the start: it is asked for each answer.
_CLASSIFICATION = frozenset(each for each in TargetType if each.is_classification())


def predictions_response(
    predictions: Predictions, target_type: TargetType, accept: str
) -> PredictResponse:
    """Encode predictions as JSON, or as CSV or Arrow where ``Accept`` prefers one of them.

    Raises:
        ModelError: values that the format cannot hold.
        PayloadError: Arrow without pyarrow.
    """
    wanted = JSON if accept in ("", "*/*") else _wanted(accept)
    if wanted == CSV:
        return PredictResponse(HTTPStatus.OK, predictions_csv(predictions), CSV_UTF8)
    if wanted == ARROW_STREAM:
        return PredictResponse(HTTPStatus.OK, predictions_arrow(predictions), ARROW_STREAM)
    return PredictResponse(HTTPStatus.OK, predictions_json(predictions, target_type))


@lru_cache(maxsize=64)
def _wanted(accept: str) -> str:
    """The best of our formats; JSON when none is named, since clients have always got it."""
    best, best_quality = JSON, 0.0
    for item in accept.split(","):
        mimetype, parameters = parse_header(item)
        named = mimetype.lower()
        quality = _quality(parameters.get("q", "1"))
        if named in (JSON, CSV, ARROW_STREAM) and quality > best_quality:
            best, best_quality = named, quality
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def predictions_json(predictions: Predictions, target_type: TargetType) -> bytes:
    """Encode predictions, and the extra model output when there is any.

    Raises:
        ModelError: a numeric target type with values that are not numbers, or a value that
            has no JSON form.
    """
    if target_type in TEXT_TYPES:
        body = dump_ascii(predictions.values[:, 0].tolist())
    elif target_type in _CLASSIFICATION:
        body = _records(as_floats(predictions.values), predictions.columns)
    else:
        body = _dump_numbers(as_floats(predictions.values[:, 0]))
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
    numbers = _dump_numbers(values.ravel())[1:-1]
    if not numbers:
        return b"[]"
    # One formatting operation for the whole table: no dict, no Python code per row.
    template = b",".join([_record_template(columns)] * len(values))
    return b"[%b]" % (template % tuple(numbers.split(b",")))


def _dump_numbers(values: np.ndarray[Any, Any]) -> bytes:
    """Encode a float64 or integer array as (nested) JSON lists; NaN and infinities are null."""
    import numpy as np

    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


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
