"""The face of a model. Whatever stands in front of one (a batcher, a pool, a remote
engine) wears the same face, so the service never knows which it talks to.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from datarobot_drum.drum.enum import RunLanguage, TargetType


# The id of the chat that is being answered, for whatever stands between the service and the
# hook; the hook's own parameters and keywords are what the client and the contract say.
association_id: contextvars.ContextVar[str] = contextvars.ContextVar("association_id", default="")


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """The labels of a classification model, as the user spelled them.

    Binary: ``positive`` and ``negative`` are set and ``names`` is ``(negative, positive)``.
    Multiclass and multilabel: ``names`` in the order the user gave.
    """

    names: tuple[str, ...]
    positive: str | None = None
    negative: str | None = None


class Dense(Enum):
    """What a model makes of sparse rows, whose zeros take no memory as they come.

    NEVER: it takes them as they are, or nobody knows. IN_PIECES: all cells of them, and as many
    rows at a time as it is given. AT_ONCE: all cells of all rows.
    """

    NEVER = "never"
    IN_PIECES = "in pieces"
    AT_ONCE = "at once"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What can be told about a model without calling it.

    Attributes:
        framework: ``scikit-learn``, ``xgboost`` …, or None when a hook scores.
        metadata: ``model-metadata.yaml`` as parsed, text scalars; None without a file.
        hooks: names of the hooks that ``custom.py`` defines.
        target_name: the environment variable ``TARGET_NAME``, for the types that need it.
        supports_chat: a ``chat`` hook exists.
        batchable: merging rows of several requests into one call cannot change an answer:
            a built-in framework predicts, and no hook sees the frame.
        own_code: only a built-in framework's code predicts: no hook, and no class or function of
            the user's inside of the model.
        feature_names: the columns that the model was fitted on, where it remembers them.
        text_columns: those of them whose values are text to the model: a reader must not take
            ``07`` for a number there.
        gap_words: words that stand for a missing value in a CSV (``NA``, ``null``), but are values
            to the model, each with its column.
        dense: what the model makes of sparse rows as they were sent.
    """

    code_dir: str
    target_type: TargetType
    language: RunLanguage
    framework: str | None = None
    labels: ClassLabels | None = None
    metadata: Mapping[str, Any] | None = None
    hooks: frozenset[str] = frozenset()
    target_name: str | None = None
    supports_chat: bool = False
    batchable: bool = False
    own_code: bool = False
    feature_names: tuple[str, ...] | None = None
    text_columns: frozenset[str] = frozenset()
    gap_words: frozenset[tuple[str, str]] = frozenset()
    dense: Dense = Dense.NEVER


@dataclass(frozen=True, slots=True)
class RowSource:
    """Where a frame came from: what the ``score`` hook gets as keywords.

    A request's ``charset`` is a keyword of the hook also when it named none; the keyword is
    left out for a file (``from_file``). ``row_counts`` is set when the rows of several
    requests were merged: how many each brought, in order.
    """

    binary_data: bytes | memoryview = b""
    mimetype: str | None = None
    charset: str | None = None
    sparse_colnames: Sequence[str] | None = None
    row_counts: Sequence[int] | None = None
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions aligned with their columns: checked, one row per input row.

    Attributes:
        values: shape (rows, columns); the model's own dtype.
        columns: the class labels in the model's column order, or ``("Predictions",)``.
        extra: extra model output, one row per prediction, joined by position; its index is
            that of the frame the hook returned.
    """

    values: np.ndarray[Any, Any]
    columns: tuple[str, ...]
    extra: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.values)


UnstructuredData: TypeAlias = str | bytes | None


@dataclass(frozen=True, slots=True)
class UnstructuredReply:
    """What ``score_unstructured`` returned. ``mimetype`` and ``charset`` only if it named them."""

    data: UnstructuredData
    mimetype: str | None = None
    charset: str | None = None


class Predictor(Protocol):
    """One loaded model. Calls come one at a time in a process, chat excepted.

    Every method may raise ``ModelError`` (the model or a hook failed, or returned what it
    may not) and ``BaseCustomUserError`` (raised by user code, passed on untouched).
    """

    @property
    def info(self) -> ModelInfo: ...

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        """Columns whose values ``predict`` also takes as a float64 array of shape (rows,
        columns), with the same answer to the last bit; None while it takes frames only.
        """

    def read_input(self, data: bytes | memoryview) -> Any:
        """Call the ``read_input_data`` hook. Only when ``info.hooks`` names it."""

    def predict(self, frame: Any, source: RowSource) -> Predictions:
        """Rows in, checked predictions out.

        ``frame`` is a DataFrame, or whatever a ``read_input_data`` hook returned.
        """

    def transform(self, frame: Any, target: Any, source: RowSource) -> pd.DataFrame:
        """Target type transform: same number of rows out as in."""

    def predict_unstructured(self, data: str | bytes, **kwargs: Any) -> UnstructuredReply: ...

    def chat(self, params: dict[str, Any], headers: Mapping[str, str]) -> Any:
        """What the ``chat`` hook returns, as it is: a completion, an iterable of chunks, or
        something to await for either. Several calls may run at a time.
        """

    def supported_llm_models(self) -> Sequence[Any] | None:
        """Call the ``get_supported_llm_models`` hook; None when there is none."""

    def close(self) -> None:
        """Let go of the model; called once, when the server has drained."""
