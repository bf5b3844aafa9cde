"""The way of a request through a model folder's own Python model: hooks, and what predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from datarobot_drum.drum.enum import CustomHooks, TargetType
from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge
from datarobot_drum.drum.model.artifacts.results import joined
from datarobot_drum.drum.model.artifacts.sparse_rows import dense_pieces
from datarobot_drum.drum.model.columns import UNKNOWN, Aligner, InputColumns
from datarobot_drum.drum.model.hooks import Hooks
from datarobot_drum.drum.model.outputs import OutputRules, check_row_count, row_count
from datarobot_drum.drum.model.predictor import (
    ClassLabels,
    Dense,
    ModelInfo,
    Predictions,
    RowSource,
    UnstructuredReply,
)
from datarobot_drum.drum.model.refusals import refusal, unanswered
from datarobot_drum.drum.model.transforming import Transformer, transformed
from datarobot_drum.drum.model.unstructured import unstructured_reply
from datarobot_drum.drum.model.user_code import model_error
from datarobot_drum.drum.utils.others_code import failing_as

if TYPE_CHECKING:
    import pandas as pd


class Scorer(Protocol):
    """What predicts, and how its result is read.

    Attributes:
        merges: it gives merged requests (``RowSource.row_counts``) what it gives each alone.
        own_code: see ``ArtifactModel.own_code``.
        array_columns: see ``Predictor.array_columns``.
        columns: see ``ArtifactModel.columns``.
        dense: see ``ArtifactModel.dense``.
    """

    @property
    def merges(self) -> bool: ...

    @property
    def own_code(self) -> bool: ...

    @property
    def array_columns(self) -> tuple[str, ...] | None: ...

    @property
    def columns(self) -> InputColumns: ...

    @property
    def dense(self) -> Dense: ...

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
    def own_code(self) -> bool:
        return self._model.own_code

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return self._model.array_columns

    @property
    def columns(self) -> InputColumns:
        return self._model.columns

    @property
    def dense(self) -> Dense:
        return self._model.dense

    def score(self, data: Any, source: RowSource) -> Predictions:
        pieces = dense_pieces(data) if self._model.dense is Dense.IN_PIECES else None
        if pieces is None:
            values = self._predicted(data, source.row_counts)
        else:
            values = joined([self._predicted(piece, None) for piece in pieces])
        try:
            return self._rules.from_model(values, self._model.names)
        except ModelError:
            refused = None if pieces else unanswered(values, self._aligned(data))
            if refused is None:
                raise
            raise refused from None

    def _predicted(self, data: Any, counts: Sequence[int] | None) -> Any:
        data = self._aligned(data)
        with failing_as(partial(self._failed, data)):
            if counts is None:
                return self._model.predict(data)
            return self._model.predict_merged(data, counts)

    def _failed(self, data: Any, error: BaseException) -> Exception | None:
        """Only what no code of the user's has changed is known to be the client's."""
        model = self._model
        if model.own_code:
            refused = refusal(error, data, model.columns, model.predict, model.categories)
            if refused is not None:
                return refused
        return model_error("Failure when making predictions.", error)


class SeesTheFrame:
    """User code looks at the whole frame: nothing is merged, and nothing is left out."""

    merges = False
    own_code = False
    array_columns: tuple[str, ...] | None = None
    columns: InputColumns = UNKNOWN
    dense: Dense = Dense.NEVER


class HookScorer(SeesTheFrame):
    """The ``score`` hook: a DataFrame with columns by name, and perhaps extra ones."""

    def __init__(self, hooks: Hooks, model: Any, rules: OutputRules) -> None:
        self._hooks = hooks
        self._model = model
        self._rules = rules

    def score(self, data: Any, source: RowSource) -> Predictions:
        keywords = score_keywords(self._rules.target_type, self._rules.labels, source)
        frame = self._hooks.score(data, self._model, keywords)
        with self._hooks.blamed(CustomHooks.SCORE):
            return self._rules.from_frame(frame)


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


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """The parts of a loaded folder.

    Attributes:
        model: what ``load_model`` returned or the artifact held; the hooks get it.
        hooks: the folder's functions; none of them for a ``CustomTask``.
        framework: the one that predicts; None when user code does.
        release: called once, when the model is no longer needed.
    """

    model: Any
    hooks: Hooks
    scorer: Scorer
    transformer: Transformer
    framework: str | None = None
    release: Callable[[], None] = lambda: None


class LocalPredictor:
    """One loaded model in this process; see ``Predictor`` for the methods.

    Args:
        info: what the folder told.
        rules: what predictions have to look like.
    """

    def __init__(self, info: ModelInfo, loaded: LoadedModel, rules: OutputRules) -> None:
        self._info = info
        self._rules = rules
        self._model = loaded.model
        self._hooks = loaded.hooks
        self._scorer = loaded.scorer
        self._transformer = loaded.transformer
        self._release = loaded.release
        self._transforms = CustomHooks.TRANSFORM in loaded.hooks
        self._makes_rows = self._transforms or CustomHooks.READ_INPUT_DATA in loaded.hooks
        self._post_processes = CustomHooks.POST_PROCESS in loaded.hooks

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        if self._makes_rows:
            return None
        return self._scorer.array_columns

    def read_input(self, data: bytes | memoryview) -> Any:
        return self._hooks.read_input_data(bytes(data))

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        rows = row_count(frame)
        data = self._hooks.transform(frame, self._model) if self._transforms else frame
        predictions = self._scored(data, source)
        if self._post_processes:
            predictions = self._post_process(predictions)
        if rows is not None and len(predictions) != rows:
            # Artifacts have a row for each row: this is the work of the last hook.
            last = CustomHooks.POST_PROCESS if self._post_processes else CustomHooks.SCORE
            with self._hooks.blamed(last):
                check_row_count(predictions, rows)
        return predictions

    def _scored(self, data: Any, source: RowSource) -> Predictions:
        try:
            return self._scorer.score(data, source)
        except PayloadError as error:
            if self._makes_rows:
                # The client sent other rows than these.
                raise ModelError(str(error)) from error
            raise

    def transform(self, frame: Any, target: Any, source: RowSource) -> pd.DataFrame:
        return transformed(self._transformer, frame, target)

    def predict_unstructured(self, data: str | bytes, **kwargs: Any) -> UnstructuredReply:
        result = self._hooks.score_unstructured(self._model, data, kwargs)
        with self._hooks.blamed(CustomHooks.SCORE_UNSTRUCTURED):
            return unstructured_reply(result)

    def chat(self, params: dict[str, Any], headers: Mapping[str, str]) -> Any:
        return self._hooks.chat(params, self._model, {"headers": headers})

    def supported_llm_models(self) -> Sequence[Any] | None:
        if CustomHooks.GET_SUPPORTED_LLM_MODELS not in self._hooks:
            return None
        models: Sequence[Any] = self._hooks.supported_llm_models(self._model)
        return models

    def close(self) -> None:
        self._release()

    def _post_process(self, scored: Predictions) -> Predictions:
        """Let the hook see named columns; what it returns may hold those columns only."""
        import pandas as pd

        frame = pd.DataFrame(scored.values, columns=list(scored.columns))
        processed = self._hooks.post_process(frame, self._model)
        with self._hooks.blamed(CustomHooks.POST_PROCESS):
            result = self._rules.exactly(processed)
        return Predictions(result.values, result.columns, scored.extra)
