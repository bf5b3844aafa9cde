"""The way of a request through a model folder's own Python model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.enum import CustomHooks
from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.hooks import Hooks
from datarobot_drum.drum.model.outputs import OutputRules, check_row_count
from datarobot_drum.drum.model.predictor import ModelInfo, Predictions, RowSource, UnstructuredReply
from datarobot_drum.drum.model.scorers import Scorer
from datarobot_drum.drum.model.transforming import Transformer, row_count, transformed
from datarobot_drum.drum.model.unstructured import unstructured_reply

if TYPE_CHECKING:
    import pandas as pd


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
        return unstructured_reply(self._hooks.score_unstructured(self._model, data, kwargs))

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
        result = self._rules.exactly(self._hooks.post_process(frame, self._model))
        return Predictions(result.values, result.columns, scored.extra)
