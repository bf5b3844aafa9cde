"""A scikit-learn model that is given plain arrays, where that cannot change an answer.

For one row, most of ``predict`` on a DataFrame is the frame itself. A model whose every
step works on the numbers alone predicts the same from an array with the same columns in
the same order. Whether a model is such a one is decided when it is loaded, never by requests:
from the types of its steps, and from rows made for it, which have to give the same answers both
ways, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.fast_paths import made_rows
from datarobot_drum.drum.model.artifacts.fast_paths.steps import fast_pipeline

_NAMES: Final = "feature_names_in_"
# These look at the frame before any check turns it into numbers.
_FRAME_READERS: Final = frozenset({"ColumnTransformer", "FunctionTransformer"})


class ArrayPath:
    """Whether a model predicts the same from arrays as from frames, and what does so then.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline.
        method: ``predict`` or ``predict_proba``.

    Attributes:
        columns: the columns of the float64 arrays that may stand for frames; None where none may.
        estimator: the model that takes them. For some it raises: those are the original's.
    """

    def __init__(self, estimator: Any, method: str) -> None:
        self.columns: tuple[str, ...] | None = None
        self.estimator: Any = None
        self._original = estimator
        self._method = method
        columns = _text_columns(estimator)
        if columns is None or not _takes_numbers_only(estimator):
            return
        for candidate in (fast_pipeline(estimator), without_names(estimator)):
            if candidate is not None and made_rows.agree(
                partial(self._is_equal, candidate, columns)
            ):
                self.columns, self.estimator = columns, candidate
                return

    def array_of(self, frame: Any) -> Any:
        """The array that may stand for a frame; None where none may."""
        if self.columns is None or not _is_float_frame(frame, self.columns):
            return None
        return frame.to_numpy()

    def frame_of(self, array: Any) -> Any:
        """The frame that an array stands for."""
        import pandas as pd

        # Not copied: the frame of a request lies in memory as its array does, too.
        return pd.DataFrame(array, columns=list(self._original.feature_names_in_), copy=False)

    def _is_equal(self, candidate: Any, columns: tuple[str, ...]) -> bool:
        """Whether every made array that the candidate takes gives what its frame gives.

        Raises what the original raises for the frame of such an array.
        """
        taken = 0
        for array in made_rows.number_blocks(len(columns)):
            try:
                result = getattr(candidate, self._method)(array)
            except made_rows.REFUSALS:
                continue
            expected = getattr(self._original, self._method)(self.frame_of(array))
            if not same_bits(result, expected):
                return False
            taken += 1
        return taken > 1


def without_names(estimator: Any) -> Any:
    """A copy that has forgotten its column names, and so does not miss them in an array.

    Everything else, down to the arrays, is shared with the original.
    """
    return _rebuilt(estimator)


def _rebuilt(value: Any) -> Any:
    if is_a(value, "sklearn", "BaseEstimator"):
        copy = object.__new__(type(value))
        copy.__dict__.update(
            {name: _rebuilt(item) for name, item in vars(value).items() if name != _NAMES}
        )
        return copy
    if type(value) in (list, tuple):
        return type(value)(map(_rebuilt, value))
    if isinstance(value, dict):
        copied = value.copy()
        copied.update({name: _rebuilt(item) for name, item in value.items()})
        return copied
    return value


def _text_columns(estimator: Any) -> tuple[str, ...] | None:
    names = getattr(estimator, _NAMES, None)
    return None if names is None else tuple(map(str, names))


def _takes_numbers_only(estimator: Any) -> bool:
    """Every part of the model is scikit-learn's own and turns its input into numbers first."""
    return all(
        is_own(part)
        and type(part).__name__ not in _FRAME_READERS
        and "_sklearn_output_config" not in vars(part)
        for part in parts(estimator)
    )


def is_own(part: Any) -> bool:
    """Of scikit-learn itself: no code of the user's."""
    return type(part).__module__.startswith("sklearn.")


def parts(value: Any) -> Iterable[Any]:
    """A model and all estimators inside of it."""
    if is_a(value, "sklearn", "BaseEstimator"):
        yield value
        for item in vars(value).values():
            yield from parts(item)
    elif type(value) in (list, tuple):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)


def _is_float_frame(frame: Any, columns: tuple[str, ...]) -> bool:
    import numpy as np
    import pandas as pd

    return (
        isinstance(frame, pd.DataFrame)
        and tuple(frame.columns) == columns
        and all(dtype == np.float64 for dtype in frame.dtypes)
    )


def same_bits(one: Any, other: Any) -> bool:
    """Two arrays of one dtype and shape with the same numbers, and zeros of one sign."""
    import numpy as np

    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    # The sign of no number means nothing.
    signs = np.signbit(one) == np.signbit(other)
    return bool(np.array_equal(one, other, equal_nan=True) and (signs | np.isnan(one)).all())
