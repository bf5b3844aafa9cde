"""Rows as JSON, in the forms that pandas and MLflow clients send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from datarobot_drum.drum.exceptions import MalformedRequestError, PayloadError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.decoded import check_decoded, table_size
from datarobot_drum.drum.prediction.payload.missing import object_columns, with_nan

if TYPE_CHECKING:
    import pandas as pd

FORMS = (
    "JSON rows should be a list of records, an object with `columns` and `data`, or one of "
    "`dataframe_split`, `dataframe_records`, `instances`"
)


def read_json_rows(
    body: Body, feature_names: Sequence[str] | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Read a table from JSON: ``[{…}, …]``, ``{"columns": […], "data": [[…], …]}``, or one of
    them under ``dataframe_records``, ``dataframe_split`` or ``instances``.

    Null is a missing value, as an empty cell of a CSV is.

    Args:
        feature_names: what the columns of lists without names are called when there are as
            many of them; else 0, 1, 2, …
        limit: bytes that the table may take; None: no limit.

    Raises:
        MalformedRequestError: not JSON.
        BodyTooLargeError: the table would take more.
        PayloadError: JSON of another form, or rows that do not fit together.
    """
    content = parse_json(body)
    match content:
        case list():
            return _instances(content, feature_names, limit)
        case {"dataframe_split": split}:
            return _split(split, limit)
        case {"dataframe_records": records}:
            return _records(records, limit)
        case {"instances": instances}:
            return _instances(instances, feature_names, limit)
        case {"columns": _, "data": _}:
            return _split(content, limit)
    raise PayloadError(f"{FORMS}.")


def parse_json(body: Body) -> Any:
    """Parse a JSON body.

    Raises:
        MalformedRequestError: not JSON; the text does not quote the body.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise MalformedRequestError(f"The body is not valid JSON: {where}.") from error


def _instances(rows: Any, feature_names: Sequence[str] | None, limit: int | None) -> pd.DataFrame:
    if not isinstance(rows, list) or not rows:
        raise PayloadError(f"{FORMS}, and not be empty.")
    if isinstance(rows[0], dict):
        return _records(rows, limit)
    if isinstance(rows[0], list):
        numbers = range(len(rows[0]))
        names = numbers if feature_names is None else feature_names
        return _table(rows, names if len(names) == len(numbers) else numbers, limit)
    raise PayloadError(f"{FORMS}.")


def _records(rows: Any, limit: int | None) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise PayloadError("JSON records should be a list of objects, one per row.")
    if limit is not None:
        _check_records(rows, limit)
    return _with_missing(pd.DataFrame(rows))


def _check_records(rows: list[dict[str, Any]], limit: int) -> None:
    """Each new key is a column, of which every row gets a cell."""
    keys: set[str] = set()
    for row in rows:
        known = len(keys)
        keys.update(row)
        if len(keys) > known:
            check_decoded(table_size(len(rows), len(keys)), limit)
    check_decoded(table_size(len(rows), len(keys)), limit)


def _split(content: Any, limit: int | None) -> pd.DataFrame:
    match content:
        case {"columns": list(columns), "data": list(rows)}:
            if all(isinstance(name, str | int | float) for name in columns):
                return _table(rows, columns, limit)
    raise PayloadError("A JSON table should have `columns`, a list of names, and `data`, a list.")


def _table(rows: list[Any], columns: Sequence[Any], limit: int | None) -> pd.DataFrame:
    import pandas as pd

    width = len(columns)
    if not all(isinstance(row, list) and len(row) == width for row in rows):
        raise PayloadError(f"Each row of JSON data should be a list of {width} values.")
    check_decoded(table_size(len(rows), width), limit)
    return _with_missing(pd.DataFrame(rows, columns=list(columns)))


def _with_missing(frame: pd.DataFrame) -> pd.DataFrame:
    """NaN for None: what the same table would hold had it come as CSV."""
    import numpy as np

    for position in object_columns(frame):
        if frame.iloc[:, position].isna().all():
            frame.isetitem(position, np.full(len(frame), np.nan))
    return with_nan(frame)
