"""Arrow IPC streams and Parquet."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.arrow import (
    predictions_arrow,
    read_arrow_floats,
    read_arrow_stream,
    read_parquet,
)

FRAME = pd.DataFrame({"a": [1, 2], "b": [1.5, np.nan], "c": ["x", "é"], "d": [True, False]})
Reader = Callable[[bytes], pd.DataFrame]


def _stream(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def test_rows() -> None:
    pd.testing.assert_frame_equal(read_arrow_stream(_stream(FRAME)), FRAME)
    pd.testing.assert_frame_equal(read_arrow_stream(memoryview(_stream(FRAME))), FRAME)
    pd.testing.assert_frame_equal(read_parquet(_parquet(FRAME)), FRAME)
    pd.testing.assert_frame_equal(read_parquet(memoryview(_parquet(FRAME))), FRAME)


@pytest.mark.parametrize(
    ("read", "good", "name"),
    [
        (read_arrow_stream, _stream(FRAME), "an Arrow IPC stream"),
        (read_parquet, _parquet(FRAME), "a Parquet file"),
    ],
)
def test_refusals(read: Reader, good: bytes, name: str) -> None:
    for body in (b"", b"a,b\n1,2\n", good[: len(good) // 2]):
        with pytest.raises(PayloadError, match=f"^The body cannot be read as {name}.$"):
            read(body)


@given(st.data())
def test_damaged_bodies_are_read_or_refused(data: st.DataObject) -> None:
    read, good = data.draw(
        st.sampled_from([(read_arrow_stream, _stream(FRAME)), (read_parquet, _parquet(FRAME))])
    )
    body = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(body))
    except PayloadError:
        return


DECIMALS = pd.DataFrame({"a": [1.5, np.nan, -0.0], "b": [2.5, 1e300, np.inf]})


def _batches(frame: pd.DataFrame, metadata: dict[bytes, bytes] | None = None) -> bytes:
    """A stream of two record batches."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("body", [_stream(DECIMALS), _batches(DECIMALS), _batches(DECIMALS[:0])])
def test_floats_are_what_the_frame_holds(body: bytes) -> None:
    for sent in (body, memoryview(body)):
        values = read_arrow_floats(sent, ("a", "b"))
        expected = read_arrow_stream(sent).to_numpy()
        assert values is not None
        assert values.shape == expected.shape
        assert values.dtype == expected.dtype == np.float64
        assert values.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        (_stream(DECIMALS), ("b", "a")),
        (_stream(DECIMALS), ("a",)),
        (_stream(FRAME), ("a", "b", "c", "d")),
        (_stream(DECIMALS.astype({"a": "float32"})), ("a", "b")),
        # To pandas an index, or another dtype.
        (_stream(DECIMALS.set_index("a")), ("b", "a")),
        (_stream(DECIMALS.astype("Float64").fillna(0)), ("a", "b")),
        (_batches(DECIMALS, {b"pandas": b"{}"}), ("a", "b")),
        (_batches(DECIMALS, {b"pandas": b"{"}), ("a", "b")),
        (b"a,b\n1.5,2.5\n", ("a", "b")),
        (_stream(DECIMALS)[:-300], ("a", "b")),
    ],
)
def test_other_tables_are_left_to_the_frame(body: bytes, columns: tuple[str, ...]) -> None:
    assert read_arrow_floats(body, columns) is None


def test_without_pyarrow_the_client_learns_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PayloadError, match=r"pip install 'custom-model-runner\[arrow\]'"):
        read_arrow_stream(_stream(FRAME))


def test_predictions() -> None:
    extra = pd.DataFrame({"z": ["q", None], "t": [1, 2]}, index=[7, 8])
    body = predictions_arrow(
        Predictions(np.array([[0.1, 0.9], [1e-12, np.nan]]), ("no", "yes"), extra)
    )
    table = pa.ipc.open_stream(body).read_all()
    assert table.column_names == ["no", "yes", "z", "t"]
    assert table["no"].to_pylist() == [0.1, 1e-12]
    assert table["z"].to_pylist() == ["q", None]


def test_predictions_of_text() -> None:
    values = np.array([["a"], [None]], dtype=object)
    table = pa.ipc.open_stream(predictions_arrow(Predictions(values, ("Predictions",)))).read_all()
    assert table["Predictions"].to_pylist() == ["a", None]


@pytest.mark.parametrize("cells", [["a", 1], [[1], {"a": 1}], [2**70], ["\ud800"]])
def test_predictions_without_arrow_form(cells: list[object]) -> None:
    values = np.ones((len(cells), 1))
    extra = pd.DataFrame({"z": pd.Series(cells, dtype=object)})
    with pytest.raises(ModelError, match=r"^The model's output has no Arrow form: "):
        predictions_arrow(Predictions(values, ("Predictions",), extra))
    texts = np.empty((len(cells), 1), dtype=object)
    texts[:, 0] = cells
    with pytest.raises(ModelError, match=r"^The model's output has no Arrow form: "):
        predictions_arrow(Predictions(texts, ("Predictions",)))
