"""Tables as clients send them, through every reader: what a model may be given.

A table is drawn cell by cell, written in a format, and read by the product's own reader, so that
the frames have the dtypes, the missing values and the memory layout that requests bring.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.open_inference.infer_request import frame_of, read_infer_request
from datarobot_drum.drum.prediction.open_inference.tensors import NUMPY_TYPES
from datarobot_drum.drum.prediction.payload.arrow import read_arrow_stream, read_parquet
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.json_rows import read_json_rows

Cell = float | int | str | bool | None
Table = Mapping[str, Sequence[Cell]]

INTEGER_TYPES = [name for name, code in NUMPY_TYPES.items() if code[0] in "iu"]
FLOAT_TYPES = ["FP16", "FP32", "FP64"]
V2_TYPES = ("FP64", "FP32", "FP16", "INT64", "INT8", "UINT64")


def as_csv(table: Table) -> pd.DataFrame:
    frame = pd.DataFrame(
        {name: pd.Series(list(cells), dtype=object) for name, cells in table.items()}
    )
    return read_csv(frame.to_csv(index=False).encode())


def as_json(table: Table) -> pd.DataFrame:
    names = list(table)
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    return read_json_rows(json.dumps(_finite(rows)).encode())


def as_json_split(table: Table) -> pd.DataFrame:
    rows = [list(cells) for cells in zip(*table.values(), strict=True)]
    return read_json_rows(json.dumps(_finite({"columns": list(table), "data": rows})).encode())


def _finite(content: Any) -> Any:
    """JSON knows neither NaN nor infinities."""
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def as_v2(table: Table, number: str = "FP64") -> pd.DataFrame:
    inputs = [_tensor(name, list(cells), number) for name, cells in table.items()]
    body = json.dumps({"inputs": inputs, "parameters": {"content_type": "pd"}}).encode()
    return frame_of(read_infer_request(PredictRequest(body)), None)


def _tensor(name: str, cells: list[Cell], number: str) -> dict[str, Any]:
    present = [cell for cell in cells if cell is not None]
    tensor: dict[str, Any] = {"name": name, "shape": [len(cells)], "data": _finite(cells)}
    if any(isinstance(cell, str) for cell in present):
        data = [None if cell is None else str(cell) for cell in cells]
        return tensor | {"datatype": "BYTES", "data": data}
    if present and len(present) == len(cells) and all(isinstance(c, bool) for c in present):
        return tensor | {"datatype": "BOOL"}
    if number in INTEGER_TYPES and len(present) == len(cells):
        limits = np.iinfo(np.dtype(NUMPY_TYPES[number]))
        whole = [int(min(max(cell, limits.min), limits.max)) for cell in present if cell == cell]
        if len(whole) == len(cells):
            return tensor | {"datatype": number, "data": whole}
    return tensor | {"datatype": number if number in FLOAT_TYPES else "FP64"}


def as_arrow(table: Table) -> pd.DataFrame:
    arrow = pa.table({name: pa.array(_alike(cells)) for name, cells in table.items()})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return read_arrow_stream(sink.getvalue())


def as_arrow_float32(table: Table) -> pd.DataFrame:
    columns = {}
    for name, cells in table.items():
        array = pa.array(_alike(cells))
        columns[name] = array.cast(pa.float32(), safe=False) if _is_number(array) else array
    sink = io.BytesIO()
    arrow = pa.table(columns)
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return read_arrow_stream(sink.getvalue())


def as_parquet(table: Table) -> pd.DataFrame:
    frame = pd.DataFrame({name: _alike(cells) for name, cells in table.items()})
    sink = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return read_parquet(sink.getvalue())


def _is_number(array: Any) -> bool:
    return bool(pa.types.is_floating(array.type) or pa.types.is_integer(array.type))


def _alike(cells: Sequence[Cell]) -> list[Cell]:
    """One type for a column, as typed formats ask for: text where there is any."""
    present = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, str) for cell in present):
        return [None if cell is None else str(cell) for cell in cells]
    if any(isinstance(cell, float) for cell in present):
        return [None if cell is None else float(cell) for cell in cells]
    if all(isinstance(cell, bool) for cell in present):
        return list(cells)
    return [None if cell is None else int(cell) for cell in cells]


READERS: Mapping[str, Callable[[Table], pd.DataFrame]] = {
    "csv": as_csv,
    "json records": as_json,
    "json split": as_json_split,
    **{f"v2 {kind}": partial(as_v2, number=kind) for kind in V2_TYPES},
    "arrow": as_arrow,
    "arrow float32": as_arrow_float32,
    "parquet": as_parquet,
}

SPECIAL_NUMBERS = st.sampled_from(
    [0.0, -0.0, math.inf, -math.inf, 1e300, -1e-300, 5e-324, 16777217, 2**53 + 1, -(2**62)]
)
NUMBERS = st.one_of(
    st.floats(-100, 100),
    st.floats(-100, 100).map(lambda number: round(number, 2)),
    st.integers(-100, 100),
    SPECIAL_NUMBERS,
    st.none(),
    st.booleans(),
)
WORDS = st.text("abcxyz0179 .é", max_size=4)


def columns_of(
    ordinary: Mapping[str, st.SearchStrategy[Cell]], odd: Mapping[str, st.SearchStrategy[Cell]]
) -> st.SearchStrategy[Table]:
    """Tables with these columns, of one to six rows: most columns ordinary, so that what is odd
    about the others is not drowned by an error.
    """

    def table(rows: int) -> st.SearchStrategy[Table]:
        def column(name: str) -> st.SearchStrategy[list[Cell]]:
            usual = st.lists(ordinary[name], min_size=rows, max_size=rows)
            mixed = st.lists(ordinary[name] | odd[name], min_size=rows, max_size=rows)
            return st.one_of(usual, usual, mixed, odd[name].map(lambda cell: [cell] * rows))

        return st.fixed_dictionaries({name: column(name) for name in ordinary})

    return st.integers(1, 6).flatmap(table)
