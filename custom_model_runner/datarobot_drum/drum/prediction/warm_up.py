"""What is done only once in a process, done before its first request: some milliseconds."""

from __future__ import annotations

import contextlib
import csv
import io
import time
import warnings
from typing import Final

from datarobot_drum.drum.enum import REGRESSION_PRED_COLUMN, CustomHooks, TargetType
from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.model.predictor import ModelInfo, Predictions, Predictor
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.messages import PredictRequest

_OF_NUMBERS: Final = frozenset(
    {
        TargetType.REGRESSION,
        TargetType.BINARY,
        TargetType.MULTICLASS,
        TargetType.MULTILABEL,
        TargetType.ANOMALY,
    }
)
# Names of columns and labels may be such that no body or answer can hold them.
_ODD: Final = (DrumException, csv.Error, LookupError, TypeError, ValueError)
# A row and a small table take different ways through the readers. What they go through has its
# memory, and Python its quick ways, only after some times.
_ROWS: Final = (1, 1_000, 1_000, 1_000)
# The first one imports and starts threads; more rows follow while they cost little.
_PREDICTED: Final = (1, 1, 30, 1_000)
_LITTLE: Final = 0.001


def warm_up(answers: ModelAnswers, info: ModelInfo, known: Predictor | None) -> None:
    """Read made rows, predict some of them, and write made answers.

    Args:
        known: the model, if only a framework's code predicts (``ModelInfo.own_code``), which
            imports more and starts its threads with the first row; None: what user code does is
            not known.
    """
    import numpy as np

    if info.target_type not in _OF_NUMBERS or CustomHooks.READ_INPUT_DATA in info.hooks:
        return
    columns = info.labels.names if info.labels else (REGRESSION_PRED_COLUMN,)
    # A matter of speed alone: what is odd about a folder will be told with a request, and what a
    # library thinks of made rows with none. Nothing is served yet: the filters are all threads'.
    with warnings.catch_warnings(), contextlib.suppress(*_ODD):
        warnings.simplefilter("ignore")
        for rows in _ROWS:
            made = Predictions(np.full((rows, len(columns)), 1 / len(columns)), columns)
            answers.decode(_table(info, rows))
            answers.encode(PredictRequest(), made)
        if known is not None:
            _predict(answers, info, known)


def _predict(answers: ModelAnswers, info: ModelInfo, known: Predictor) -> None:
    for turn, rows in enumerate(_PREDICTED):
        frame, source = answers.decode(_table(info, rows))
        started = time.perf_counter()
        known.predict(frame, source)
        if turn > 0 and time.perf_counter() - started > _LITTLE:
            return


def _table(info: ModelInfo, rows: int) -> PredictRequest:
    names = info.feature_names or ("column",)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(names)
    header = text.tell()
    lines.writerow("text" if name in info.text_columns else "0.1234567890123456" for name in names)
    table = text.getvalue()
    return PredictRequest((table[:header] + table[header:] * rows).encode(), "text/csv")
