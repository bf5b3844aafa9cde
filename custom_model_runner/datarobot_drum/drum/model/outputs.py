"""What a model returned becomes ``Predictions``: columns named, split and checked.

The order of the checks and their texts are part of the contract with clients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.enum import REGRESSION_PRED_COLUMN, TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.artifacts.results import as_array
from datarobot_drum.drum.model.labels import align_columns, expected_columns, fold_label
from datarobot_drum.drum.model.plain_dtypes import plain_dtypes
from datarobot_drum.drum.model.predictor import ClassLabels, Predictions
from datarobot_drum.drum.model.user_code import user_code

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

NAMED_TARGETS: Final = frozenset(
    {TargetType.TEXT_GENERATION, TargetType.VECTOR_DATABASE, TargetType.AGENTIC_WORKFLOW}
)
# What is predicted is text, or may be.
_OF_TEXT: Final = NAMED_TARGETS | {TargetType.GEO_POINT}
_NO_NUMBERS: Final = {"c": "complex numbers", "M": "dates", "m": "durations", "V": "records"}
_SINGLE_COLUMN: Final = (REGRESSION_PRED_COLUMN,)
# numpy.isclose's defaults, spelled out because they are part of the contract.
_SUM_TOLERANCE: Final = 1e-8 + 1e-5
_LOGITS: Final = (
    ". The model seems to return logits: end it with a sigmoid (one column, or labels that do not "
    "exclude each other) or a softmax (a column for each class), or make probabilities of them in "
    "a score hook."
)


@dataclass(frozen=True, slots=True)
class OutputRules:
    """How predictions of one model have to look.

    Attributes:
        target_name: the prediction column of a hook that returns several, for the target
            types that are given one.
    """

    target_type: TargetType
    labels: ClassLabels | None = None
    target_name: str | None = None

    def __post_init__(self) -> None:
        if self.target_type in NAMED_TARGETS and not self.target_name:
            raise StartupError(
                "Unexpected empty target name for text generation, vector database, "
                "or agentic workflow target. Set the environment variable TARGET_NAME."
            )

    def from_array(self, values: Any, names: tuple[str, ...] | None = None) -> Predictions:
        """Check what a framework returned.

        Args:
            values: array of shape (rows,) or (rows, columns), or a frame, whose columns are
                taken by name where they are called like the classes.
            names: the classes in the order of the columns, when the model knows them.

        Raises:
            ModelError: not an array of that shape, or not valid predictions.
        """
        array = self._numbers(_two_dimensional(values))
        names = _names_of(values, names)
        if self.labels is None:
            if array.shape[1] != 1:
                raise ModelError(_not_one_column(array) + self._several_values(array))
            return Predictions(array, _SINGLE_COLUMN)
        return self._probabilities(array, names, self.labels)

    def from_model(self, values: Any, names: tuple[str, ...] | None = None) -> Predictions:
        """The same of a framework's own model, whose probabilities are all there: of labels that do
        not exclude each other a hook may leave one out.

        Raises:
            ModelError: as ``from_array``, or a probability is NaN.
        """
        predictions = self.from_array(values, names)
        if self.target_type is TargetType.MULTILABEL:
            # Of classes that exclude each other the sums have shown it.
            array = predictions.values
            if (array != array).any():
                raise ModelError("Your prediction probabilities have values that are NaN")
        return predictions

    def from_frame(self, frame: pd.DataFrame) -> Predictions:
        """Check what a hook returned; columns that predict nothing are extra output.

        Raises:
            ModelError: the prediction columns are not there, or not valid predictions.
        """
        wanted = self._prediction_columns(frame)
        if wanted is None:
            return self.exactly(frame)
        extra = frame.iloc[:, [i for i in range(frame.shape[1]) if i not in wanted]]
        return replace(self.exactly(frame.iloc[:, wanted]), extra=extra)

    def exactly(self, frame: pd.DataFrame) -> Predictions:
        """Check a frame that may hold the prediction columns only."""
        values = plain_dtypes(frame).to_numpy()
        if self.labels is None:
            return Predictions(self._numbers(_one_column(values)), _SINGLE_COLUMN)
        return self.from_array(values, tuple(map(str, frame.columns)))

    def _numbers(self, array: Array) -> Array:
        """A missing number is NaN, whichever object stood for it."""
        kind = array.dtype.kind
        if kind == "f" or self.target_type in _OF_TEXT:
            return array
        if kind == "O":
            return _without_missing_objects(array)
        if kind in _NO_NUMBERS:
            raise ModelError(f"Your predictions must be numbers, but received {_NO_NUMBERS[kind]}")
        return array

    def _probabilities(
        self, array: Array, names: tuple[str, ...] | None, labels: ClassLabels
    ) -> Predictions:
        columns = labels.names if names is None else align_columns(names, labels)
        if array.shape[1] == 1:
            self._check_one_is_enough(labels, names)
            array = _both_classes(array)
        if array.shape[1] != len(labels.names):
            raise ModelError(
                "Your predictions must return the probability distribution for the correct number "
                f"of class labels. Expected {len(labels.names)} columns, "
                f"but received {array.shape[1]}"
            )
        with user_code():  # numbers that are text do not compare
            _check_range(array, _LOGITS if names is None else "")
        if self.target_type is not TargetType.MULTILABEL:
            _check_sums(array)
        return Predictions(array, columns)

    def _several_values(self, array: Array) -> str:
        return (
            f": the model predicts {array.shape[1]} values for each row (the shape is "
            f"{array.shape}), and target type '{self.target_type.value}' publishes one. Serve a "
            "model of one value, or choose one in a score hook."
        )

    def _check_one_is_enough(self, labels: ClassLabels, names: tuple[str, ...] | None) -> None:
        """Of two classes one probability tells both, unless names say that one is missing."""
        pair = self.target_type is TargetType.MULTICLASS and len(labels.names) == 2
        if labels.positive is None and not (pair and names is None):
            raise ModelError(
                "Only one dimension of probability returned, "
                f"but there are {len(labels.names)} class labels in this model"
            )

    def _prediction_columns(self, frame: pd.DataFrame) -> list[int] | None:
        """Positions of the prediction columns; None when every column is one."""
        names = [str(name) for name in frame.columns]
        expected = [self.target_column(names)]
        if self.labels is not None:
            expected = expected_columns(self.labels)
        if len(names) <= len(expected):
            return None
        missing = [name for name in expected if name not in names]
        if missing:
            raise ModelError(f'"{missing} not found in axis"')
        return [i for i, name in enumerate(names) if name in expected]

    def target_column(self, names: list[str]) -> str:
        """The column among ``names`` that a hook of a single-column model predicts in."""
        name = self.target_name
        if self.target_type not in NAMED_TARGETS or name is None:
            return REGRESSION_PRED_COLUMN
        quoted = len(name) > 2 and name[0] == name[-1] == '"'
        return name[1:-1] if quoted and name not in names else name


def row_count(data: Any) -> int | None:
    """Rows of tabular data; None for whatever else a ``read_input_data`` hook returned."""
    shape = getattr(data, "shape", None)
    return shape[0] if shape else None


def check_row_count(predictions: Predictions, rows: int | None) -> None:
    """One row out for each row in.

    Args:
        rows: rows of the input; None when the input has no rows to count.

    Raises:
        ModelError: the numbers differ.
    """
    if rows is not None and len(predictions) != rows:
        raise ModelError(
            "Your predictions must have one row for each input row. "
            f"Expected {rows} rows, but received {len(predictions)}"
        )


def _names_of(values: Any, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The classes in the order of the columns; a frame's own names tell it best."""
    import pandas as pd

    if not isinstance(values, pd.DataFrame):
        return names
    given = tuple(map(str, values.columns))
    if names is None:
        return given
    known = {*map(fold_label, names)}
    # Some of the classes are not all of them: that is told, not taken for others.
    return given if known.intersection(map(fold_label, given)) else names


def _two_dimensional(values: Any) -> Array:
    import numpy as np

    if type(values) is not np.ndarray:
        values = as_array(values)
        if hasattr(values, "columns"):
            values = values.to_numpy()
    if not isinstance(values, np.ndarray):
        raise ModelError(f"predictions must return a np array, but received {type(values)}")
    if values.ndim == 1:
        return values.reshape(-1, 1)
    if values.ndim != 2:
        raise ModelError(
            "predictions must return a 2 dimensional array, "
            f"but we received a {values.ndim} dimensional array"
        )
    return values


def _without_missing_objects(array: Array) -> Array:
    import numpy as np
    import pandas as pd

    missing = pd.isna(array)
    if not missing.any():
        return array
    array = np.where(missing, np.nan, array)
    # Text stays what it is: an answer takes it for a number where it is one.
    return array if any(isinstance(v, str) for v in array.flat) else array.astype(np.float64)


def _one_column(array: Array) -> Array:
    if array.shape[1] != 1:
        raise ModelError(_not_one_column(array))
    return array


def _not_one_column(array: Array) -> str:
    return (
        "Regression, Text Generation, Agentic Workflow and anomaly predictions must contain "
        f"only 1 column. Your predictions have {array.shape[1]} columns"
    )


def _both_classes(array: Array) -> Array:
    """A single column is the probability of the second class, the positive one."""
    import numpy as np

    with user_code():
        return np.hstack((1 - array, array))


def _check_range(array: Array, hint: str) -> None:
    if (array < 0).any():
        raise ModelError(f"Your prediction probabilities have negative values{hint}")
    if (array > 1).any():
        raise ModelError(f"Your prediction probabilities have values greater than 1{hint}")


def _check_sums(array: Array) -> None:
    """NaN fails here: it is close to nothing."""
    good = abs(array.sum(axis=1, dtype=float) - 1.0) <= _sum_tolerance(array)
    if not good.all():
        raise ModelError(f"Your prediction probabilities do not add up to 1. \n{array[~good]}")


def _sum_tolerance(array: Array) -> float:
    """What the contract allows; half a float cannot be that exact."""
    import numpy as np

    return float(np.finfo(array.dtype).eps) if array.dtype == np.float16 else _SUM_TOLERANCE
