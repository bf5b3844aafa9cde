"""Rows and answers as each kind of server takes and gives them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Wire:
    """``encode`` gives a request's body; ``values`` finds the predictions in an answer."""

    content_type: str
    encode: Callable[[pd.DataFrame], bytes]
    values: Callable[[Any], Any]

    def numbers(self, answer: bytes) -> list[float]:
        """All predicted numbers, row after row."""
        return list(_flat(self.values(json.loads(answer))))


def same(numbers: list[float], expected: list[float]) -> bool:
    """Equal up to the ten decimals that DRUM cuts its JSON to."""
    return len(numbers) == len(expected) and all(
        math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-10)
        for one, other in zip(numbers, expected, strict=True)
    )


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _arrow(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _cells(frame: pd.DataFrame) -> list[list[Any]]:
    return [
        [None if cell != cell else cell for cell in row] for row in frame.astype(object).to_numpy()
    ]


def _records(frame: pd.DataFrame) -> bytes:
    columns = list(frame.columns)
    rows = [dict(zip(columns, row, strict=True)) for row in _cells(frame)]
    return json.dumps({"rows": rows}).encode()


def _split(frame: pd.DataFrame) -> bytes:
    return json.dumps({"columns": list(frame.columns), "data": _cells(frame)}).encode()


def _tensor(frame: pd.DataFrame) -> bytes:
    one = {
        "name": "rows",
        "shape": list(frame.shape),
        "datatype": "FP64",
        "data": frame.to_numpy().ravel().tolist(),
    }
    return json.dumps({"inputs": [one]}).encode()


def _columns(frame: pd.DataFrame) -> bytes:
    inputs = []
    texts = [name for name, dtype in frame.dtypes.items() if dtype.kind not in "fi"]
    for name, column in frame.items():
        text = name in texts
        cells = [None if cell != cell else cell for cell in column.tolist()]
        inputs.append(
            {
                "name": name,
                "shape": [len(frame), 1],
                "datatype": "BYTES" if text else "FP64",
                "parameters": {"content_type": "str"} if text else {},
                "data": cells,
            }
        )
    content: dict[str, Any] = {"inputs": inputs, "parameters": {"content_type": "pd"}}
    if texts:
        # Only the penguins have text, and only they are classified.
        content["outputs"] = [{"name": "predict_proba"}]
    return json.dumps(content).encode()


def _predictions(answer: Any) -> Any:
    return answer["predictions"]


def _first_output(answer: Any) -> Any:
    return answer["outputs"][0]["data"]


CSV = Wire("text/csv", _csv, _predictions)
ARROW = Wire("application/vnd.apache.arrow.stream", _arrow, _predictions)
RECORDS = Wire("application/json", _records, _predictions)
BARE_RECORDS = Wire("application/json", _records, lambda answer: answer)
SPLIT = Wire("application/json", _split, _predictions)
TENSOR = Wire("application/json", _tensor, _first_output)
COLUMNS = Wire("application/json", _columns, _first_output)
