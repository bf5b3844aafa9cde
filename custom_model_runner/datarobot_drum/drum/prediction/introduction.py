"""What a server says of its model when it starts, with a request that the model can answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from datarobot_drum.drum.enum import CustomHooks, TargetType
from datarobot_drum.drum.exceptions import DrumException
from datarobot_drum.drum.model.predictor import ModelInfo, Predictor
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.messages import JSON, PredictRequest
from datarobot_drum.drum.prediction.operations import Operation

_CSV: Final = "text/csv"
_TEXT: Final = "text/plain"
# Characters: a line that is longer helps nobody.
_LONGEST_BODY: Final = 2000
_CHATTING: Final = frozenset({TargetType.TEXT_GENERATION, TargetType.AGENTIC_WORKFLOW})
_REFUSALS: Final = (DrumException, LookupError, TypeError, ValueError)
_SCORING: Final = frozenset({CustomHooks.SCORE, CustomHooks.READ_INPUT_DATA})


@dataclass(frozen=True, slots=True)
class Example:
    """A request; ``body`` is None where only the user knows what the model takes."""

    operation: Operation
    content_type: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Introduction:
    """Of the model by its name, and how to ask it."""

    name: str
    target_type: str
    example: Example


def introduce(answers: ModelAnswers, info: ModelInfo, known: Predictor | None) -> Introduction:
    """Say what there is to ask, without running the user's code.

    Args:
        known: the model, if only a framework's code predicts: the made row is then tried.
    """
    name = (info.metadata or {}).get("name") or Path(info.code_dir).name
    return Introduction(name, info.target_type.value, _example(answers, info, known))


def _example(answers: ModelAnswers, info: ModelInfo, known: Predictor | None) -> Example:
    if info.target_type is TargetType.UNSTRUCTURED:
        return Example(Operation.PREDICT_UNSTRUCTURED, _TEXT, "text")
    scores = info.framework is not None or not info.hooks.isdisjoint(_SCORING)
    if info.supports_chat and (info.target_type in _CHATTING or not scores):
        message = {"role": "user", "content": "Hello"}
        return Example(Operation.CHAT, JSON, json.dumps({"model": "model", "messages": [message]}))
    is_transform = info.target_type is TargetType.TRANSFORM
    operation = Operation.TRANSFORM if is_transform else Operation.PREDICT
    row = _row(info)
    if row is None or (known is not None and not _is_answered(answers, known, row, operation)):
        return Example(operation, _CSV)
    return Example(operation, JSON, row)


def _row(info: ModelInfo) -> str | None:
    """One row as JSON, all ASCII and without control characters."""
    if info.feature_names is None or CustomHooks.READ_INPUT_DATA in info.hooks:
        return None
    row = {name: "text" if name in info.text_columns else 1 for name in info.feature_names}
    text = json.dumps([row])
    return text if len(text) <= _LONGEST_BODY else None


def _is_answered(answers: ModelAnswers, known: Predictor, row: str, operation: Operation) -> bool:
    """Whether the model takes the row: an encoder may know its words and no others."""
    if operation is not Operation.PREDICT:
        return True
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            known.predict(*answers.decode(PredictRequest(row.encode(), JSON)))
        except _REFUSALS:
            return False
    return True
