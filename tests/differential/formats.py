"""Rows in every format that a client may send them in."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tests.contract.clients import BOUNDARY, file_part, multipart

PREDICT, V2 = "predict", "v2"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
HEADER_LENGTH = "Inference-Header-Content-Length"
Frame = pd.DataFrame


@dataclass(frozen=True)
class Sent:
    """One request, its path left open. ``colnames`` go into a file of their own for `score`."""

    body: bytes
    content_type: str
    route: str = PREDICT
    headers: Mapping[str, str] = field(default_factory=dict)
    colnames: bytes | None = None


@dataclass(frozen=True)
class Format:
    """How rows are sent.

    Attributes:
        encode: a frame with no dtype of pandas' own -> a request.
        fits: whether the format can say what is in a frame.
        delivers: the frame as the format says it, where that is another one.
        by_name: the request names its columns.
        extension: of a file for `score`; None: only servers read it.
        sparse: the model gets a sparse matrix.
    """

    name: str
    encode: Callable[[Frame], Sent]
    fits: Callable[[Frame], bool] = lambda frame: True
    delivers: Callable[[Frame], Frame] = lambda frame: frame
    by_name: bool = True
    extension: str | None = None
    sparse: bool = False


# -- what a frame holds


def is_text(column: pd.Series[Any]) -> bool:
    return column.dtype.kind not in "fiub"


def has_text_gap(frame: Frame) -> bool:
    return any(is_text(frame[name]) and frame[name].isna().any() for name in frame)


def all_numbers(frame: Frame) -> bool:
    return all(frame[name].dtype.kind in "fi" for name in frame)


def _bears_lines(frame: Frame) -> bool:
    """Numbers whose names may stand in a file of lines, which are stripped."""
    return all_numbers(frame) and all(name == name.strip() for name in frame)


def cells(column: pd.Series[Any]) -> list[Any]:
    """Values of Python's own, None where one is missing."""
    missing = column.isna()
    values = column.astype(object).tolist()
    return [None if lost else value for value, lost in zip(values, missing, strict=True)]


def _rows(frame: Frame) -> list[list[Any]]:
    return [list(row) for row in zip(*(cells(frame[name]) for name in frame), strict=True)]


def _floats_narrowed(frame: Frame) -> Frame:
    kinds = {name: np.float32 for name in frame if frame[name].dtype.kind == "f"}
    return frame.astype(kinds)


# -- CSV


def _csv(
    frame: Frame, *, line_end: str = "\n", quoting: Any = csv.QUOTE_MINIMAL, decimals: bool = False
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end, quoting=quoting)
    writer.writerow(frame.columns)
    for row in _rows(frame):
        writer.writerow([f"{v}.0" if decimals and type(v) is int else v for v in row])
    return out.getvalue().encode()


def _csv_sent(**options: Any) -> Callable[[Frame], Sent]:
    return lambda frame: Sent(_csv(frame, **options), "text/csv")


def _form(frame: Frame) -> Sent:
    return Sent(multipart(file_part("X", _csv(frame), "rows.csv")), FORM)


def _small_whole(frame: Frame) -> bool:
    """A decimal of so many digits may be read as its neighbour."""
    whole = [name for name in frame if frame[name].dtype.kind == "i"]
    return all((frame[name].abs() < 2**31).all() for name in whole)


# -- JSON


def _json(content: Any) -> Sent:
    return Sent(json.dumps(content, allow_nan=False).encode(), "application/json")


def _records(frame: Frame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in _rows(frame)]


def _split(frame: Frame) -> dict[str, Any]:
    return {"columns": list(frame.columns), "data": _rows(frame)}


# -- Open Inference Protocol

_KINDS = {"f": "FP64", "i": "INT64", "b": "BOOL"}


def _datatype(column: pd.Series[Any], narrow: bool = False) -> str:
    if is_text(column):
        return "BYTES"
    return "FP32" if narrow and column.dtype.kind == "f" else _KINDS[column.dtype.kind]


def _narrowest(values: list[Any], datatype: str) -> list[Any]:
    if datatype != "FP32":
        return values
    return [None if value is None else float(np.float32(value)) for value in values]


def _tensors(narrow: bool = False) -> Callable[[Frame], Sent]:
    def encode(frame: Frame) -> Sent:
        inputs = []
        for name in frame:
            datatype = _datatype(frame[name], narrow)
            values = _narrowest(cells(frame[name]), datatype)
            inputs.append(
                {"name": name, "shape": [len(frame)], "datatype": datatype, "data": values}
            )
        return Sent(json.dumps({"inputs": inputs}).encode(), "application/json", V2)

    return encode


def _matrix(datatype: str, *, binary: bool = False) -> Callable[[Frame], Sent]:
    kind = "<f4" if datatype == "FP32" else "<f8"

    def encode(frame: Frame) -> Sent:
        values = np.ascontiguousarray(frame.astype(float).to_numpy(), dtype=kind)
        tensor = {"name": "rows", "shape": list(values.shape), "datatype": datatype}
        if binary:
            return _binary_sent([(tensor, values.tobytes())])
        flat = [None if np.isnan(value) else float(value) for value in values.reshape(-1)]
        content = {"inputs": [tensor | {"data": flat}]}
        return Sent(json.dumps(content).encode(), "application/json", V2)

    return encode


def _binary_tensors(frame: Frame) -> Sent:
    parts = []
    for name in frame:
        column, datatype = frame[name], _datatype(frame[name])
        if datatype == "BYTES":
            texts = [value.encode() for value in column]
            data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            data = column.to_numpy().tobytes()
        parts.append(({"name": name, "shape": [len(frame), 1], "datatype": datatype}, data))
    return _binary_sent(parts)


def _binary_sent(parts: list[tuple[dict[str, Any], bytes]]) -> Sent:
    inputs = [tensor | {"parameters": {"binary_data_size": len(data)}} for tensor, data in parts]
    header = json.dumps({"inputs": inputs}).encode()
    body = header + b"".join(data for _, data in parts)
    return Sent(body, "application/octet-stream", V2, {HEADER_LENGTH: str(len(header))})


# -- Arrow and Parquet


def _arrow_table(frame: Frame, *, plain: bool = False, dictionary: bool = False) -> Any:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    if dictionary:
        for position, name in enumerate(frame):
            if is_text(frame[name]):
                encoded = table.column(position).dictionary_encode()
                table = table.set_column(position, name, encoded)
    return table.replace_schema_metadata(None) if plain else table


def _arrow(**options: Any) -> Callable[[Frame], Sent]:
    def encode(frame: Frame) -> Sent:
        import pyarrow as pa

        table = _arrow_table(frame, **options)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Sent(sink.getvalue().to_pybytes(), ARROW)

    return encode


def _parquet(frame: Frame) -> Sent:
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(_arrow_table(frame), out)
    return Sent(out.getvalue(), PARQUET)


# -- Matrix Market


def _mtx(frame: Frame) -> bytes:
    rows = frame.astype(float).to_numpy().tolist()
    # A zero with a sign is a value of its own.
    entries = [
        f"{r + 1} {c + 1} {value!r}"
        for r, row in enumerate(rows)
        for c, value in enumerate(row)
        if value != 0 or math.copysign(1, value) < 0
    ]
    size = f"{len(frame)} {frame.shape[1]} {len(entries)}"
    lines = ["%%MatrixMarket matrix coordinate real general", size, *entries, ""]
    return "\n".join(lines).encode()


def _mtx_sent(frame: Frame) -> Sent:
    return Sent(_mtx(frame), "text/mtx")


def _mtx_named(frame: Frame) -> Sent:
    names = "\n".join(frame.columns).encode()
    body = multipart(file_part("X", _mtx(frame), "x.mtx"), file_part("X.colnames", names, "names"))
    return Sent(body, FORM, colnames=names)


def _as_floats(frame: Frame) -> Frame:
    return frame.astype(float)


def _as_float32(frame: Frame) -> Frame:
    return frame.astype(np.float32)


def _without_text_gaps(frame: Frame) -> bool:
    return not has_text_gap(frame)


FORMATS = (
    Format("csv", _csv_sent(), extension=".csv"),
    Format("csv-crlf", _csv_sent(line_end="\r\n"), extension=".csv"),
    Format("csv-quoted", _csv_sent(quoting=csv.QUOTE_ALL), extension=".csv"),
    Format("csv-decimals", _csv_sent(decimals=True), _small_whole, extension=".csv"),
    Format("csv-form", _form),
    Format("json-records", lambda frame: _json(_records(frame)), extension=".json"),
    Format("json-split", lambda frame: _json(_split(frame)), extension=".json"),
    Format("json-mlflow", lambda frame: _json({"dataframe_split": _split(frame)})),
    Format("json-instances", lambda frame: _json({"instances": _records(frame)})),
    Format("json-lists", lambda frame: _json(_rows(frame)), by_name=False, extension=".json"),
    Format("v2", _tensors()),
    Format("v2-fp32", _tensors(narrow=True), delivers=_floats_narrowed),
    Format("v2-binary", _binary_tensors, _without_text_gaps),
    Format("v2-matrix", _matrix("FP64"), all_numbers, _as_floats, by_name=False),
    Format("v2-matrix-fp32", _matrix("FP32"), all_numbers, _as_float32, by_name=False),
    Format(
        "v2-matrix-binary", _matrix("FP32", binary=True), all_numbers, _as_float32, by_name=False
    ),
    Format("arrow", _arrow(), extension=".arrow"),
    Format("arrow-plain", _arrow(plain=True), extension=".arrow"),
    Format("arrow-dictionary", _arrow(dictionary=True)),
    Format("parquet", _parquet, extension=".parquet"),
    Format("mtx", _mtx_sent, all_numbers, _as_floats, by_name=False, extension=".mtx", sparse=True),
    Format("mtx-named", _mtx_named, _bears_lines, _as_floats, extension=".mtx", sparse=True),
)
BY_NAME = {form.name: form for form in FORMATS}
