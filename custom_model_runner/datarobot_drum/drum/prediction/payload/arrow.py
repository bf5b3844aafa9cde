"""Arrow IPC streams and Parquet: rows in, predictions out. pyarrow is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.messages import Body

if TYPE_CHECKING:
    import pandas as pd

ARROW_STREAM = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def read_arrow_stream(body: Body) -> pd.DataFrame:
    """Read an Arrow IPC stream.

    Raises:
        PayloadError: not such a stream, or pyarrow is missing.
    """
    arrow = _pyarrow()

    def read() -> Any:
        with arrow.ipc.open_stream(arrow.py_buffer(body)) as reader:
            return reader.read_all()

    return _to_frame(read, "an Arrow IPC stream")


def read_parquet(body: Body) -> pd.DataFrame:
    """Read a Parquet file.

    Raises:
        PayloadError: not such a file, or pyarrow is missing.
    """
    arrow = _pyarrow()

    def read() -> Any:
        from pyarrow import parquet

        return parquet.read_table(arrow.BufferReader(arrow.py_buffer(body)))

    return _to_frame(read, "a Parquet file")


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


def _to_frame(read: Any, what: str) -> pd.DataFrame:
    try:
        table = read()
        # Offsets and lengths come from outside: pyarrow trusts them unless it is told not to.
        table.validate(full=True)
        frame: pd.DataFrame = table.to_pandas()
    except Exception as error:
        raise PayloadError(f"The body cannot be read as {what}.") from error
    return frame
