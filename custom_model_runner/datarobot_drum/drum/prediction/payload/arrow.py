"""Arrow IPC streams and Parquet: rows in, predictions out. pyarrow is an extra."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.exceptions import BodyTooLargeError, ModelError, PayloadError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.arrow_messages import SMALL, check_messages
from datarobot_drum.drum.prediction.payload.arrow_size import frame_size, views_size
from datarobot_drum.drum.prediction.payload.decoded import check_decoded, table_size
from datarobot_drum.drum.prediction.payload.missing import with_nan
from datarobot_drum.drum.prediction.payload.parquet_pages import judge_file
from datarobot_drum.drum.utils.others_code import failing_as

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ARROW_STREAM = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
_STREAM: Final = "an Arrow IPC stream"
_DECIMALS_AT_ONCE: Final = 65_536


def read_arrow_stream(body: Body, limit: int | None = None) -> pd.DataFrame:
    """Read an Arrow IPC stream.

    Columns have the types of the stream, whatever they were in the pandas that wrote it: numpy's,
    with NaN for null (integers with gaps are floats), text as ``read_csv`` has it. A dictionary's
    column holds its values.

    Args:
        limit: bytes that the frame may take; None: no limit.

    Raises:
        PayloadError: not such a stream, or pyarrow is missing.
        BodyTooLargeError: the frame would take more.
    """
    arrow = _pyarrow()
    return _to_frame(arrow, lambda: _read_stream(arrow, body, limit), _STREAM, limit)


def read_arrow_floats(
    body: Body, columns: tuple[str, ...], limit: int | None = None
) -> np.ndarray[Any, Any] | None:
    """The values, shape (rows, columns), of a stream that holds just these columns, as float64;
    null is NaN.

    None when the frame that ``read_arrow_stream`` makes should be asked.

    Raises:
        PayloadError: pyarrow is missing.
    """
    import numpy as np

    arrow = _pyarrow()
    try:
        with _reading(_STREAM):
            table = _read_stream(arrow, body, limit)
            fits = tuple(table.column_names) == columns and _are_plain_floats(arrow, table)
    except PayloadError:
        # The other reader says what is wrong.
        return None
    if not fits:
        return None
    check_decoded(table_size(table.num_rows, table.num_columns), limit)
    # Column by column in memory, as in a frame.
    block = np.empty((table.num_columns, table.num_rows))
    for row, column in zip(block, table.columns, strict=True):
        start = 0
        for chunk in column.chunks:
            row[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            start += len(chunk)
    return block.T


def _read_stream(arrow: Any, body: Body, limit: int | None) -> Any:
    check_messages(arrow, body, limit)
    with arrow.ipc.open_stream(arrow.py_buffer(body)) as reader:
        table = reader.read_all()
    return _valid(arrow, table, body, limit)


def _valid(arrow: Any, table: Any, body: Body, limit: int | None) -> Any:
    if limit is not None and len(body) > SMALL:
        table.validate()
        check_decoded(views_size(arrow, table), limit)
    # Offsets and lengths come from outside: pyarrow trusts them unless it is told not to.
    table.validate(full=True)
    return table


def _are_plain_floats(arrow: Any, table: Any) -> bool:
    """Whether a frame of the table would hold them as they are, in columns."""
    pandas = table.schema.pandas_metadata
    if pandas is None:
        pandas = {"columns": (), "index_columns": ()}
    return (
        all(type == arrow.float64() for type in table.schema.types)
        and all(column.get("numpy_type") == "float64" for column in pandas["columns"])
        and not any(isinstance(name, str) for name in pandas["index_columns"])
    )


def read_parquet(body: Body, limit: int | None = None) -> pd.DataFrame:
    """Read a Parquet file; its columns are as those of ``read_arrow_stream``.

    Args:
        limit: bytes that the frame may take; None: no limit.

    Raises:
        PayloadError: not such a file, or pyarrow is missing.
        BodyTooLargeError: the frame would take more.
    """
    arrow = _pyarrow()

    def read() -> Any:
        from pyarrow import parquet

        source = arrow.py_buffer(body)
        texts = rows = None
        if limit is not None:
            file = parquet.ParquetFile(arrow.BufferReader(source))
            texts, rows = judge_file(file.metadata, file.schema, body, limit)
        if rows is None or limit is None:
            table = parquet.read_table(arrow.BufferReader(source), read_dictionary=texts)
        else:
            file = parquet.ParquetFile(arrow.BufferReader(source), read_dictionary=texts)
            table = _in_steps(arrow, file, rows, limit)
        return _valid(arrow, table, body, limit)

    return _to_frame(arrow, read, "a Parquet file", limit)


def _in_steps(arrow: Any, file: Any, rows: int, limit: int) -> Any:
    """The table, so many rows at a time while it stays below the limit."""
    batches, size = [], 0
    for batch in file.iter_batches(batch_size=rows, use_threads=False):
        # All batches of a column share its dictionary.
        size += sum(
            column.nbytes for column in batch.columns if not arrow.types.is_dictionary(column.type)
        )
        check_decoded(size, limit)
        batches.append(batch)
    return arrow.Table.from_batches(batches, file.schema_arrow)


def predictions_arrow(predictions: Predictions) -> bytes:
    """Predictions and extra model output as an Arrow IPC stream, in the model's own dtypes.

    Raises:
        ModelError: values that have no type in common, or none that Arrow knows.
        PayloadError: pyarrow is missing.
    """
    arrow = _pyarrow()
    try:
        table = _table(arrow, predictions)
    except (arrow.ArrowException, ValueError, OverflowError) as error:
        raise ModelError(f"The model's output has no Arrow form: {error}") from error
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _table(arrow: Any, predictions: Predictions) -> Any:
    names = [str(column) for column in predictions.columns]
    values = predictions.values
    arrays = [arrow.array(values[:, position]) for position in range(len(names))]
    if predictions.extra is not None:
        extra = arrow.Table.from_pandas(predictions.extra, preserve_index=False)
        names += extra.column_names
        arrays += extra.columns
    return arrow.table(arrays, names=names)


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise PayloadError(
            "Arrow and Parquet need pyarrow on the server: pip install 'custom-model-runner[arrow]'"
        ) from error
    return pyarrow


def _to_frame(arrow: Any, read: Callable[[], Any], what: str, limit: int | None) -> pd.DataFrame:
    with _reading(what):
        table = read()
        if table.num_rows == 0 and table.num_columns:
            # Without a chunk of a list view, pyarrow ends the process.
            table = table.schema.empty_table()
        if limit is not None:
            check_decoded(frame_size(arrow, table), limit)
        # Other threads take longer to be told than their share of the copying.
        frame: pd.DataFrame = _plain(arrow, table).to_pandas(use_threads=False)
    return with_nan(frame)


def _reading(what: str) -> AbstractContextManager[None]:
    """Beside pyarrow's own errors there are those of whatever the body says of its columns."""
    return failing_as(
        lambda error: (
            None
            if isinstance(error, BodyTooLargeError)
            else PayloadError(f"The body cannot be read as {what}.")
        )
    )


def _plain(arrow: Any, table: Any) -> Any:
    """The table with columns that pandas has a numpy dtype for, or its dtype of text."""
    for position, field in enumerate(table.schema):
        column = _plain_column(arrow, table.column(position))
        if column is not None:
            table = table.set_column(position, field.name, column)
    pandas = table.schema.pandas_metadata
    if pandas is None:
        return table
    for described in pandas["columns"]:
        # To pyarrow: of no dtype but that of the stream.
        described["numpy_type"] = "object"
    return table.replace_schema_metadata({b"pandas": json.dumps(pandas).encode()})


def _plain_column(arrow: Any, column: Any) -> Any:
    """None for a column that is plain already."""
    kind, types = column.type, arrow.types
    if types.is_dictionary(kind):
        decoded = [chunk.dictionary_decode() for chunk in column.chunks]
        values = arrow.chunked_array(decoded, kind.value_type)
        again = _plain_column(arrow, values)
        return values if again is None else again
    if types.is_null(kind) or (types.is_boolean(kind) and 0 < len(column) == column.null_count):
        return arrow.nulls(len(column), arrow.float64())
    if types.is_decimal(kind):
        return arrow.chunked_array(_decimals(arrow, column), arrow.float64())
    return None


def _decimals(arrow: Any, column: Any) -> Iterator[Any]:
    """Some at a time: Python's decimals take many times what floats do."""
    for start in range(0, len(column), _DECIMALS_AT_ONCE):
        some = column.slice(start, _DECIMALS_AT_ONCE).to_pylist()
        yield arrow.array([None if v is None else float(v) for v in some], arrow.float64())
