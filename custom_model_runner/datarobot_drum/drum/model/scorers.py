"""From rows to checked predictions: by the ``score`` hook or by a framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge
from datarobot_drum.drum.model.columns import UNKNOWN, Aligner, InputColumns
from datarobot_drum.drum.model.hooks import Hooks
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.predictor import ClassLabels, Predictions, RowSource
from datarobot_drum.drum.model.user_code import user_code


class Scorer(Protocol):
    """What predicts, and how its result is read.

    Attributes:
        merges: it gives merged requests (``RowSource.row_counts``) what it gives each alone.
        array_columns: see ``Predictor.array_columns``.
        columns: see ``ArtifactModel.columns``.
    """

    @property
    def merges(self) -> bool: ...

    @property
    def array_columns(self) -> tuple[str, ...] | None: ...

    @property
    def columns(self) -> InputColumns: ...

    def score(self, data: Any, source: RowSource) -> Predictions: ...


class ArtifactScorer:
    """A framework's model: an array, its columns known or by position."""

    def __init__(self, model: ArtifactModel, rules: OutputRules) -> None:
        self._model = model
        self._rules = rules
        self._aligned = Aligner(model.columns)

    @property
    def merges(self) -> bool:
        return self._model.merge is not Merge.NEVER

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return self._model.array_columns

    @property
    def columns(self) -> InputColumns:
        return self._model.columns

    def score(self, data: Any, source: RowSource) -> Predictions:
        counts = source.row_counts
        data = self._aligned(data)
        with user_code("Failure when making predictions."):
            if counts is None:
                values = self._model.predict(data)
            else:
                values = self._model.predict_merged(data, counts)
        return self._rules.from_array(values, self._model.names)


class SeesTheFrame:
    """User code looks at the whole frame: nothing is merged, and nothing is left out."""

    merges = False
    array_columns: tuple[str, ...] | None = None
    columns: InputColumns = UNKNOWN


class HookScorer(SeesTheFrame):
    """The ``score`` hook: a DataFrame with columns by name, and perhaps extra ones."""

    def __init__(self, hooks: Hooks, model: Any, rules: OutputRules) -> None:
        self._hooks = hooks
        self._model = model
        self._rules = rules

    def score(self, data: Any, source: RowSource) -> Predictions:
        keywords = score_keywords(self._rules.target_type, self._rules.labels, source)
        return self._rules.from_frame(self._hooks.score(data, self._model, keywords))


class NoScorer(SeesTheFrame):
    """A model that only chats, or that has no structured predictions at all."""

    def score(self, data: Any, source: RowSource) -> Predictions:
        raise ModelError(
            "Failure when making predictions. The model has no 'score' hook, "
            "and no framework recognises it."
        )


def score_keywords(
    target_type: TargetType, labels: ClassLabels | None, source: RowSource
) -> Mapping[str, Any]:
    """What a ``score`` hook and a ``CustomTask`` get beside the rows."""
    keywords: dict[str, Any] = {
        "target_type": target_type,
        "binary_data": bytes(source.binary_data),
        "mimetype": source.mimetype,
        "sparse_colnames": source.sparse_colnames,
    }
    if not source.from_file:
        keywords["charset"] = source.charset
    if labels is not None and labels.positive is not None:
        keywords["positive_class_label"] = labels.positive
        keywords["negative_class_label"] = labels.negative
    elif labels is not None:
        keywords["class_labels"] = list(labels.names)
    return keywords
