"""Scoring a file: what ``/predict/`` does to a body, with CSV at the other end."""

from __future__ import annotations

from pathlib import Path

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.model.predictor import Predictor
from datarobot_drum.drum.prediction.payload.matrix_market import read_column_names
from datarobot_drum.drum.prediction.payload.predictions_csv import frame_csv, predictions_csv
from datarobot_drum.drum.prediction.payload.structured import read_file_rows
from datarobot_drum.drum.prediction.payload.unstructured import (
    NOTHING,
    encode_reply,
    read_unstructured_file,
)
from datarobot_drum.drum.settings import ScoreSettings


def score_file(predictor: Predictor, score: ScoreSettings) -> bytes:
    """Predict for the rows of ``score.input``.

    Returns:
        CSV with a header; of an unstructured model what its hook returned, as bytes.

    Raises:
        PayloadError: the input or the column file cannot be read.
        MalformedRequestError: JSON that does not parse.
        ModelError: the model failed, or its output cannot be written.
    """
    data = _read(score.input)
    target_type = predictor.info.target_type
    if target_type is TargetType.UNSTRUCTURED:
        decoded, keywords = read_unstructured_file(data, score.content_type, score.query)
        return encode_reply(predictor.predict_unstructured(decoded, **keywords), NOTHING)
    colnames = None
    if score.sparse_column_file is not None and target_type is not TargetType.TRANSFORM:
        colnames = read_column_names(_read(score.sparse_column_file))
    frame, source = read_file_rows(data, Path(score.input).suffix, colnames, predictor)
    if target_type is TargetType.TRANSFORM:
        return frame_csv(predictor.transform(frame, None, source))
    return predictions_csv(predictor.predict(frame, source))


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PayloadError(f"The file {path} cannot be read: {error.strerror}") from error
