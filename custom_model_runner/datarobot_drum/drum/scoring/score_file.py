"""Scoring a file: what ``/predict/`` does to a body, with CSV at the other end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import RequestError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.predictor import Predictor
from datarobot_drum.drum.prediction.payload.csv.file import read_file
from datarobot_drum.drum.prediction.payload.matrix_market import read_column_names
from datarobot_drum.drum.prediction.payload.predictions_csv import write_frame, write_predictions
from datarobot_drum.drum.prediction.payload.structured import MTX, file_type, read_file_rows
from datarobot_drum.drum.prediction.payload.unstructured import (
    NOTHING,
    encode_reply,
    read_unstructured_file,
)
from datarobot_drum.drum.settings import ScoreSettings

logger = get_drum_logger(__name__)


def score_file(predictor: Predictor, score: ScoreSettings) -> Callable[[BinaryIO], None]:
    """Predict for the rows of ``score.input``.

    Returns:
        What writes the result into a file, a piece at a time, and as often as it is called: CSV
        with a header; of an unstructured model what its hook returned. It raises ``ModelError``
        when the model's output has no text.

    Raises:
        PayloadError: the input or the column file cannot be read, or the model does not take the
            rows; the text names the file.
        MalformedRequestError: JSON that does not parse, likewise.
        ModelError: the model failed, or its output cannot be written.
    """
    target_type = predictor.info.target_type
    if target_type is TargetType.UNSTRUCTURED:
        return partial(_write, _unstructured(predictor, score))
    colnames = None
    if score.sparse_column_file is not None and target_type is not TargetType.TRANSFORM:
        colnames = _column_names(score.sparse_column_file, score.input)
    named = "" if colnames is None else f" with the columns of {score.sparse_column_file}"
    with _naming(f"{score.input}{named}"):
        frame, source = read_file_rows(score.input, colnames, predictor)
        if target_type is TargetType.TRANSFORM:
            return partial(write_frame, predictor.transform(frame, None, source))
        return partial(write_predictions, predictor.predict(frame, source))


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Say of which file an error is that is the rows' own."""
    try:
        yield
    except RequestError as error:
        text = str(error)
        raise type(error)(text if file in text else f"{file}: {text}") from error


def _column_names(path: str, rows: str) -> list[str]:
    if file_type(rows) != MTX:
        logger.warning("--sparse-column-file is for .mtx files: it is not used for %s", rows)
    with _naming(path):
        return read_column_names(read_file(path))


def _unstructured(predictor: Predictor, score: ScoreSettings) -> bytes:
    data = read_file(score.input)
    decoded, keywords = read_unstructured_file(data, score.content_type, score.query)
    return encode_reply(predictor.predict_unstructured(decoded, **keywords), NOTHING)


def _write(result: bytes, file: BinaryIO) -> None:
    file.write(result)
