"""Predictions as CSV: what ``drum score`` writes, and the answer to ``Accept: text/csv``."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.predictor import Predictions
from datarobot_drum.drum.prediction.payload.number_lines import are_numbers, number_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    import pandas as pd


def predictions_csv(predictions: Predictions) -> bytes:
    """What ``write_predictions`` writes.

    Raises:
        ModelError: text that has no UTF-8 form.
    """
    file = io.BytesIO()
    write_predictions(predictions, file)
    return file.getvalue()


def write_predictions(predictions: Predictions, file: BinaryIO) -> None:
    """A header and one line per row: prediction columns, then extra model output.

    Integers, booleans and text stay what the model returned. Floats are the shortest text
    that reads back as the number ``/predict/`` would answer; missing values are empty. No
    second copy of the predictions is made, nor one of their text.

    Raises:
        ModelError: text that has no UTF-8 form; some of it may be written then.
    """
    if predictions.extra is not None or not are_numbers(predictions.values):
        write_frame(predictions_frame(predictions), file)
        return
    file.write(_header(predictions.columns))
    for lines in number_lines(predictions.values):
        file.write(lines)


def predictions_frame(predictions: Predictions) -> pd.DataFrame:
    """Prediction columns and extra model output, joined by position; the index is 0, 1, 2 …"""
    import pandas as pd

    values = _widened(predictions.values)
    # Named, so that pandas infers no other.
    frame = pd.DataFrame(values, columns=list(predictions.columns), dtype=values.dtype)
    if predictions.extra is None:
        return frame
    extra = _with_wide_floats(predictions.extra.reset_index(drop=True))
    return pd.concat([frame, extra], axis="columns")


def write_frame(frame: pd.DataFrame, file: BinaryIO) -> None:
    """A frame without its index, as pandas writes it.

    Raises:
        ModelError: text that has no UTF-8 form; some of it may be written then.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        frame.to_csv(text, index=False, lineterminator="\n")
    except UnicodeEncodeError as error:
        raise ModelError("The model's output has text that is not Unicode.") from error
    finally:
        # Else it would close the file.
        text.detach()


def _widened(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Narrow floats as float64: their own shortest text would be another number in JSON."""
    import numpy as np

    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _with_wide_floats(frame: pd.DataFrame) -> pd.DataFrame:
    import numpy as np

    narrow = [i for i, dtype in enumerate(frame.dtypes) if dtype in (np.float16, np.float32)]
    if narrow:
        frame = frame.copy(deep=False)
    for position in narrow:
        frame.isetitem(position, frame.iloc[:, position].to_numpy(np.float64))
    return frame


def _header(columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(columns)
    return text.getvalue().encode("utf-8")
