"""Target type transform: a hook, a ``CustomTask`` or a scikit-learn transformer gives rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from datarobot_drum.drum.enum import CustomHooks
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.artifacts.own_code import is_all_own
from datarobot_drum.drum.model.artifacts.sklearn_columns import (
    sklearn_columns,
    strict_categories,
    takes_texts,
)
from datarobot_drum.drum.model.artifacts.sparse_rows import makes_dense
from datarobot_drum.drum.model.columns import UNKNOWN, InputColumns, aligned
from datarobot_drum.drum.model.hooks import Hooks, require_frame
from datarobot_drum.drum.model.outputs import row_count
from datarobot_drum.drum.model.predictor import Dense
from datarobot_drum.drum.model.refusals import refusal
from datarobot_drum.drum.model.user_code import model_error
from datarobot_drum.drum.utils.others_code import failing_as

if TYPE_CHECKING:
    import pandas as pd


class Transformer(Protocol):
    """What turns the rows of a request into other rows.

    Attributes:
        columns: see ``ArtifactModel.columns``.
        dense: see ``ArtifactModel.dense``.
    """

    @property
    def columns(self) -> InputColumns: ...

    @property
    def dense(self) -> Dense: ...

    def transform(self, frame: Any, target: Any) -> Any: ...


class HookTransformer:
    """The ``transform`` hook."""

    columns: InputColumns = UNKNOWN
    dense: Dense = Dense.NEVER

    def __init__(self, hooks: Hooks, model: Any) -> None:
        self._hooks = hooks
        self._model = model

    def transform(self, frame: Any, target: Any) -> Any:
        result = self._hooks.transform_task(frame, self._model, target)
        with self._hooks.blamed(CustomHooks.TRANSFORM):
            if isinstance(result, tuple):
                raise ModelError("Transformation of the target variable is not supported by DRUM.")
            return require_frame(result, CustomHooks.TRANSFORM)


class EstimatorTransformer:
    """A scikit-learn object's own ``transform``; arrays get the columns 0, 1, 2 …"""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.columns: InputColumns = sklearn_columns(model)
        # What it returns has all the cells then.
        self.dense = Dense.NEVER if makes_dense(model) is Dense.NEVER else Dense.AT_ONCE
        self._takes_texts = takes_texts(model)
        self._own_code = is_all_own(model)

    def transform(self, frame: Any, target: Any) -> Any:
        frame = aligned(frame, self.columns)
        with failing_as(partial(self._failed, frame)):
            return _as_frame(self._transformed(frame))

    def _transformed(self, frame: Any) -> Any:
        return self._model.transform(frame.iloc[:, 0] if self._takes_texts else frame)

    def _failed(self, rows: Any, error: BaseException) -> Exception | None:
        if self._own_code:
            categories = partial(strict_categories, self._model)
            refused = refusal(error, rows, self.columns, self._transformed, categories)
            if refused is not None:
                return refused
        return model_error("Couldn't naively apply transformer.", error)


class NoTransformer:
    """Stands in for models of the other target types."""

    columns: InputColumns = UNKNOWN
    dense: Dense = Dense.NEVER

    def transform(self, frame: Any, target: Any) -> Any:
        raise ModelError("This model does not transform.")


def transformed(transformer: Transformer, frame: Any, target: Any) -> pd.DataFrame:
    """Transform the rows of a request.

    Raises:
        ModelError: the transformer failed, or returned something else than a DataFrame with as
            many rows as it was given.
    """
    result: pd.DataFrame = transformer.transform(frame, target)
    rows = row_count(frame)
    if rows is not None and len(result) != rows:
        raise ModelError("Transformation resulted in different number of rows than original data")
    return result


def _as_frame(output: Any) -> pd.DataFrame:
    import pandas as pd
    from scipy.sparse import issparse

    if isinstance(output, pd.DataFrame):
        return output
    if not issparse(output):
        return pd.DataFrame(output)
    sparse: Any = pd.DataFrame.sparse
    frame: pd.DataFrame = sparse.from_spmatrix(output)
    return frame
