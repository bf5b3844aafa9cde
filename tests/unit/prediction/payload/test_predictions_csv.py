"""Predictions as the CSV that `drum score` writes."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.predictions_csv import (
    predictions_csv,
    write_predictions,
)


def one_column(values: object, extra: pd.DataFrame | None = None) -> Predictions:
    return Predictions(np.asarray(values).reshape(-1, 1), ("Predictions",), extra)


def test_floats_are_the_shortest_text_and_missing_ones_empty() -> None:
    assert predictions_csv(one_column([1.8128163742270706, 1e300, -0.0])) == (
        b"Predictions\n1.8128163742270706\n1e+300\n-0.0\n"
    )
    assert predictions_csv(one_column([0.5, np.nan, np.inf])) == b'Predictions\n0.5\n""\ninf\n'


def test_the_models_own_dtypes_are_kept() -> None:
    assert predictions_csv(one_column([3, 4])) == b"Predictions\n3\n4\n"
    assert predictions_csv(one_column([True, False])) == b"Predictions\nTrue\nFalse\n"
    texts = np.array(['a,"b"', "line\nend", None, "é"], dtype=object)
    assert predictions_csv(one_column(texts)).decode() == (
        'Predictions\n"a,""b"""\n"line\nend"\n""\né\n'
    )


def test_narrow_floats_are_the_numbers_of_the_json_answer() -> None:
    assert predictions_csv(one_column(np.array([0.1], dtype=np.float32))) == (
        b"Predictions\n0.10000000149011612\n"
    )


def test_labels_are_quoted_where_needed() -> None:
    predictions = Predictions(np.array([[0.25, 0.75]]), ("a,b", 'say "no"'))
    assert predictions_csv(predictions) == b'"a,b","say ""no"""\n0.25,0.75\n'


def test_extra_output_is_joined_by_position() -> None:
    extra = pd.DataFrame({"why": ["x", None], "n": [1, 2]}, index=[7, 3])
    assert predictions_csv(one_column([0.5, 1.5], extra)) == (
        b"Predictions,why,n\n0.5,x,1\n1.5,,2\n"
    )


def test_extra_output_may_be_named_like_the_predictions() -> None:
    extra = pd.DataFrame({"Predictions": ["x"]})
    assert predictions_csv(one_column([0.5], extra)) == b"Predictions,Predictions\n0.5,x\n"


def test_no_rows() -> None:
    assert predictions_csv(one_column(np.array([]))) == b"Predictions\n"


def test_text_that_is_no_unicode() -> None:
    with pytest.raises(ModelError, match="not Unicode"):
        predictions_csv(one_column(np.array(["\ud800"], dtype=object)))


class Pieces(io.BytesIO):
    """Remembers the largest piece that was written at a time."""

    largest = 0

    def write(self, piece: Any) -> int:
        self.largest = max(self.largest, len(memoryview(piece)))
        return super().write(piece)


@pytest.mark.parametrize("extra", [None, pd.DataFrame({"why": ["because"] * 400_000})])
def test_many_rows_are_written_a_piece_at_a_time(extra: pd.DataFrame | None) -> None:
    file = Pieces()
    write_predictions(one_column(np.arange(400_000.0), extra), file)
    assert file.getvalue().count(b"\n") == 400_001
    assert file.largest < len(file.getvalue()) / 3


@given(st.lists(st.tuples(*[st.floats() | st.floats(width=32)] * 2), min_size=1))
def test_reads_back_and_is_what_pandas_writes(rows: list[tuple[float, float]]) -> None:
    values = np.array(rows)
    written = predictions_csv(Predictions(values, ("a", "b")))
    assert written == pd.DataFrame(values, columns=["a", "b"]).to_csv(index=False).encode()
    _header, *lines = csv.reader(io.StringIO(written.decode()))
    found = [[float(cell or "nan") for cell in line] for line in lines]
    np.testing.assert_array_equal(found, values)
