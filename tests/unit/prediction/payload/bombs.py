"""Small bodies that stand for large tables, in every format that is read."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from datarobot_drum.drum.prediction.messages import JSON
from datarobot_drum.drum.prediction.payload.arrow import ARROW_STREAM, PARQUET
from datarobot_drum.drum.prediction.payload.structured import MTX

CSV = "text/csv"
ROWS = 20_000_000


class Bomb(NamedTuple):
    content_type: str
    make: Callable[[], bytes]


def stream(column: Any, compression: str | None = None) -> bytes:
    table = pa.table({"a": column})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def parquet(column: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": column}), sink, **options)
    return sink.getvalue()


def runs(value: Any, length: int) -> Any:
    # Lists: older versions want a Python number for the last end.
    return pa.RunEndEncodedArray.from_arrays([length], [value])


def same_views(count: int, length: int) -> Any:
    """Texts that all are the same bytes."""
    text = b"x" * length
    view = struct.pack("<i4sii", length, text[:4], 0, 0)
    buffers = [None, pa.py_buffer(view * count), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string_view(), count, buffers)


def overlapping_lists(count: int, length: int) -> Any:
    return pa.ListViewArray.from_arrays(
        pa.array([0] * count, pa.int32()), pa.array([length] * count, pa.int32()), pa.nulls(length)
    )


def dictionary(count: int, length: int) -> Any:
    indices = pa.array(memoryview(bytes(count)).cast("b"), pa.int8())
    return pa.DictionaryArray.from_arrays(indices, pa.array(["x" * length, "y" * length]))


def growing_dictionary(times: int, length: int) -> bytes:
    """Each batch adds a text to the dictionary, and has a copy of what it was."""
    kind = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([("a", kind)])
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for time in range(1, times + 1):
            texts = pa.array([str(number).zfill(length) for number in range(time)])
            column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), texts)
            writer.write_batch(pa.record_batch([column], schema=schema))
    return sink.getvalue().to_pybytes()


def many_groups(groups: int, rows: int) -> bytes:
    """Groups of rows that are next to nothing each."""
    sink = io.BytesIO()
    table = pa.table({"a": pa.nulls(rows, pa.float64())})
    with pq.ParquetWriter(sink, table.schema) as writer:
        for _ in range(groups):
            writer.write_table(table)
    return sink.getvalue()


def records(count: int) -> bytes:
    return orjson.dumps([{f"k{number}": 1} for number in range(count)])


def coordinates(rows: int, columns: int) -> bytes:
    header = b"%%MatrixMarket matrix coordinate real general\n"
    return header + f"{rows} {columns} 1\n1 1 1.5\n".encode()


BOMBS: dict[str, Bomb] = {
    "csv rows shorter than the header": Bomb(CSV, lambda: b"," * 20_000 + b"\n" + b"1\n" * 20_000),
    "csv in quotes": Bomb(CSV, lambda: b"," * 20_000 + b"\n" + b'"1"\r\n' * 20_000),
    "csv ends of lines of old": Bomb(CSV, lambda: b"," * 20_000 + b"\n" + b"1\r" * 20_000),
    "csv columns": Bomb(CSV, lambda: b"," * 1_000_000 + b"\n" + b"1," * 1_000_000),
    "csv names": Bomb(CSV, lambda: ",".join(f"c{n}" for n in range(1_000_000)).encode() + b"\n1\n"),
    "json records": Bomb(JSON, lambda: records(6_000)),
    "json records, wrapped": Bomb(JSON, lambda: b'{"dataframe_records":%b}' % records(6_000)),
    "json instances": Bomb(JSON, lambda: b'{"instances":%b}' % records(6_000)),
    "json columns": Bomb(JSON, lambda: orjson.dumps([[1] * 1_000_000])),
    "json split": Bomb(
        JSON, lambda: orjson.dumps({"columns": list(range(500_000)), "data": [[1] * 500_000]})
    ),
    "arrow nulls": Bomb(ARROW_STREAM, lambda: stream(pa.nulls(ROWS))),
    "arrow runs": Bomb(ARROW_STREAM, lambda: stream(runs(1.5, ROWS))),
    "arrow runs of text": Bomb(ARROW_STREAM, lambda: stream(runs("x" * 1000, 200_000))),
    "arrow dictionary": Bomb(ARROW_STREAM, lambda: stream(dictionary(10_000, 50_000))),
    "arrow dictionary that grows": Bomb(ARROW_STREAM, lambda: growing_dictionary(500, 2_000)),
    "arrow views": Bomb(ARROW_STREAM, lambda: stream(same_views(5_000, 100_000))),
    "arrow list of nulls": Bomb(
        ARROW_STREAM,
        lambda: stream(pa.ListArray.from_arrays(pa.array([0, ROWS], pa.int32()), pa.nulls(ROWS))),
    ),
    "arrow lists that overlap": Bomb(
        ARROW_STREAM, lambda: stream(overlapping_lists(1_000, 100_000))
    ),
    "arrow fixed lists": Bomb(
        ARROW_STREAM, lambda: stream(pa.FixedSizeListArray.from_arrays(pa.nulls(ROWS), 1000))
    ),
    "arrow zstd": Bomb(ARROW_STREAM, lambda: stream(pa.array([0.0] * ROWS), "zstd")),
    "arrow lz4": Bomb(ARROW_STREAM, lambda: stream(pa.array([0.0] * ROWS), "lz4")),
    "arrow text": Bomb(ARROW_STREAM, lambda: stream(pa.array(["x" * ROWS * 4] * 2), "zstd")),
    "parquet nulls": Bomb(PARQUET, lambda: parquet(pa.nulls(ROWS))),
    "parquet runs": Bomb(PARQUET, lambda: parquet(pa.array([1.5] * ROWS))),
    "parquet text in a dictionary": Bomb(PARQUET, lambda: parquet(dictionary(20_000, 50_000))),
    "parquet text": Bomb(
        PARQUET,
        lambda: parquet(
            pa.array(["x" * ROWS * 10]),
            compression="zstd",
            use_dictionary=False,
            write_statistics=False,
        ),
    ),
    "parquet delta": Bomb(
        PARQUET,
        lambda: parquet(
            pa.array(["x" * 10_000] * 20_000),
            use_dictionary=False,
            column_encoding="DELTA_BYTE_ARRAY",
        ),
    ),
    "parquet short delta": Bomb(
        PARQUET,
        lambda: parquet(
            pa.array(["x" * 500 + str(number % 10) for number in range(600_000)]),
            use_dictionary=False,
            column_encoding="DELTA_BYTE_ARRAY",
            compression="zstd",
        ),
    ),
    "parquet groups": Bomb(PARQUET, lambda: many_groups(200, 100_000)),
    "parquet list": Bomb(PARQUET, lambda: parquet(pa.array([[1] * ROWS]))),
    "mtx rows": Bomb(MTX, lambda: coordinates(1_000_000_000, 3)),
    "mtx columns": Bomb(MTX, lambda: coordinates(3, 1_000_000_000)),
    "mtx both": Bomb(MTX, lambda: coordinates(100_000, 1_000_000)),
}
