"""For compatibility: a loaded model with the methods that in-process callers know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.enum import CustomHooks, TargetType
from datarobot_drum.drum.exceptions import NotSupportedError
from datarobot_drum.drum.model.predictor import Predictor
from datarobot_drum.drum.prediction.payload.predictions_csv import predictions_frame
from datarobot_drum.drum.prediction.payload.structured import read_data

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PredictResponse:
    """What ``predict`` returns.

    Attributes:
        predictions: one row per input row, the prediction columns.
        extra_model_output: further columns of a hook; None without any.
    """

    predictions: pd.DataFrame
    extra_model_output: pd.DataFrame | None = None

    @property
    def combined_dataframe(self) -> pd.DataFrame:
        """Predictions and extra output side by side, joined by position."""
        import pandas as pd

        if self.extra_model_output is None:
            return self.predictions
        return pd.concat([self.predictions, self.extra_model_output], axis="columns")


class InlinePredictor:
    """One loaded model. Its methods raise what a ``Predictor`` raises, and ``RequestError``
    for data that cannot be read.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @property
    def target_type(self) -> TargetType:
        return self._predictor.info.target_type

    @property
    def class_ordering(self) -> list[str] | None:
        """Binary: positive, negative. Multiclass, multilabel: as given. Else None."""
        labels = self._predictor.info.labels
        if labels is None:
            return None
        if labels.positive is not None and labels.negative is not None:
            return [labels.positive, labels.negative]
        return list(labels.names)

    def predict(
        self,
        binary_data: bytes,
        mimetype: str | None = None,
        sparse_colnames: Sequence[str] | None = None,
        **_unused: Any,
    ) -> PredictResponse:
        """Predict rows.

        Args:
            binary_data: the rows, in the format of ``mimetype``; CSV without one.
            sparse_colnames: column names of Matrix Market rows.
        """
        frame, source = read_data(binary_data, mimetype, sparse_colnames, self._predictor)
        predictions = self._predictor.predict(frame, source)
        count = len(predictions.columns)
        combined = predictions_frame(predictions)
        extra = None if predictions.extra is None else combined.iloc[:, count:]
        return PredictResponse(combined.iloc[:, :count], extra)

    def transform(
        self,
        binary_data: bytes,
        mimetype: str | None = None,
        target_binary_data: bytes | None = None,
        target_mimetype: str | None = None,
        sparse_colnames: Sequence[str] | None = None,
        **_unused: Any,
    ) -> tuple[pd.DataFrame, pd.DataFrame | None]:
        """Transform rows; returns them, and the target as it came."""
        frame, source = read_data(binary_data, mimetype, sparse_colnames, self._predictor)
        target = None
        if target_binary_data is not None:
            target, _ = read_data(target_binary_data, target_mimetype, None, self._predictor)
        return self._predictor.transform(frame, target, source), target

    def predict_unstructured(
        self, data: str | bytes, **kwargs: Any
    ) -> tuple[str | bytes | None, dict[str, str] | None]:
        """Call ``score_unstructured``; returns its data and, if it named any, how to send it."""
        reply = self._predictor.predict_unstructured(data, **kwargs)
        how = {"mimetype": reply.mimetype, "charset": reply.charset}
        return reply.data, {key: value for key, value in how.items() if value} or None

    def chat(
        self, completion_create_params: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> Any:
        """Whatever the ``chat`` hook returns: a completion, chunks, or a coroutine of either.

        Raises:
            NotSupportedError: the folder has no such hook.
        """
        if not self.supports_chat():
            raise NotSupportedError("This model has no chat() hook.")
        return self._predictor.chat(completion_create_params, headers or {})

    def get_supported_llm_models(self) -> dict[str, Any]:
        """The language models of the hook, in the form of ``/models``."""
        return {"object": "list", "data": list(self._predictor.supported_llm_models() or ())}

    def supports_chat(self) -> bool:
        return self._predictor.info.supports_chat

    def has_read_input_data_hook(self) -> bool:
        return CustomHooks.READ_INPUT_DATA in self._predictor.info.hooks

    def model_info(self) -> dict[str, Any]:
        """Target type, folder, labels and framework."""
        info = self._predictor.info
        content: dict[str, Any] = {"targetType": info.target_type.value, "codeDir": info.code_dir}
        if info.labels is not None and info.target_type is TargetType.BINARY:
            content["positiveClassLabel"] = info.labels.positive
            content["negativeClassLabel"] = info.labels.negative
        elif info.labels is not None and info.target_type is TargetType.MULTICLASS:
            content["classLabels"] = list(info.labels.names)
        return {**content, "predictor": info.framework}

    def terminate(self) -> None:
        """Let go of the model; the context manager does it."""
        self._predictor.close()
