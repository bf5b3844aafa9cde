"""Predictions as CSV: what ``drum score`` writes, and the answer to ``Accept: text/csv``."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd


def predictions_csv(predictions: Predictions) -> bytes:
    """A header and one line per row: prediction columns, then extra model output.

    Integers, booleans and text stay what the model returned. Floats are the shortest text
    that reads back as the number ``/predict/`` would answer; missing values are empty.

    Raises:
        ModelError: text that has no UTF-8 form.
    """
    if predictions.extra is None and _plain_floats(predictions.values):
        return _float_lines(predictions)
    return frame_csv(predictions_frame(predictions))


def predictions_frame(predictions: Predictions) -> pd.DataFrame:
    """Prediction columns and extra model output, joined by position; the index is 0, 1, 2 …"""
    import pandas as pd

    values = _widened(predictions.values)
    # Named, so that pandas infers no other.
    frame = pd.DataFrame(values, columns=list(predictions.columns), dtype=values.dtype)
    if predictions.extra is None:
        return frame
    extra = predictions.extra.reset_index(drop=True)
    return pd.concat([frame, extra], axis="columns")


def frame_csv(frame: pd.DataFrame, line_end: str = "\n") -> bytes:
    """A frame without its index, as pandas writes it.

    Raises:
        ModelError: text that has no UTF-8 form.
    """
    try:
        return frame.to_csv(index=False, lineterminator=line_end).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ModelError("The model's output has text that is not Unicode.") from error


def _widened(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Narrow floats as float64: their own shortest text would be another number in JSON."""
    import numpy as np

    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _plain_floats(values: np.ndarray[Any, Any]) -> bool:
    """Whether Python writes every cell as pandas does: no missing values among them."""
    import numpy as np

    return values.dtype == np.float64 and not np.isnan(values).any()


def _float_lines(predictions: Predictions) -> bytes:
    # pandas spends most of its time around the same writer.
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(predictions.columns)
    writer.writerows(predictions.values.tolist())
    return buffer.getvalue().encode("utf-8")
