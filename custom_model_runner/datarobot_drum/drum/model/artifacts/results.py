"""What estimators return from ``predict`` and ``predict_proba``, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.labels import fold_label
from datarobot_drum.drum.model.plain_dtypes import plain_dtypes, plain_values


def as_array(result: Any, model: Any = None) -> Any:
    """The result of an estimator as an array of shape (rows,) or (rows, columns).

    Taken are arrays of any library, pandas objects, scipy's sparse matrices, lists, and a list
    with an array of shape (rows, classes) for each output: of those the positive class's column.

    Args:
        model: whose ``classes_`` say which column of an output that is.

    Returns:
        An array; a frame whose columns have names stays one, for the names tell which column
        is which; what cannot be read as an array is returned as it is.

    Raises:
        ModelError: an output has other classes than two.
    """
    import numpy as np

    if type(result) is np.ndarray:
        return result
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        return _of_frame(result)
    if isinstance(result, pd.Series):
        return plain_values(result).to_numpy()
    if isinstance(result, (list, tuple)):
        return _of_list(result, getattr(model, "classes_", None))
    if callable(getattr(result, "toarray", None)):
        return np.asarray(result.toarray())
    if isinstance(result, np.ma.MaskedArray):
        return result.filled(np.nan) if result.dtype.kind == "f" else _unmasked(result)
    if callable(getattr(result, "__array__", None)):
        array = np.asarray(_detached(result))
        return array if array.ndim else result
    return result


def joined(results: Sequence[Any]) -> Any:
    """The results for several slices of rows, one below the other."""
    import numpy as np
    import pandas as pd

    if all(isinstance(result, pd.DataFrame) for result in results):
        return pd.concat(results, ignore_index=True)
    return np.concatenate(results)


def _of_frame(frame: Any) -> Any:
    """Columns that are only counted have no names; any others are names, numbers too."""
    plain = plain_dtypes(frame)
    counted = frame.columns.tolist() == [*range(frame.shape[1])]
    return plain.to_numpy() if counted else plain


def _unmasked(result: Any) -> Any:
    """What is masked is missing; whole numbers cannot say so."""
    import numpy as np

    return result.astype(np.float64).filled(np.nan) if np.ma.is_masked(result) else result.data


def _detached(result: Any) -> Any:
    """A tensor that still belongs to a gradient or a device gives no array of itself."""
    for step in ("detach", "cpu"):
        if callable(getattr(result, step, None)):
            result = getattr(result, step)()
    return result


def _of_list(result: Sequence[Any], classes: Any) -> Any:
    import numpy as np

    items: Sequence[Any] = result
    if len(result) and getattr(result[0], "ndim", 0):
        items = [as_array(item) for item in result]
        if all(isinstance(item, np.ndarray) and item.ndim == 2 for item in items):
            return _of_outputs(items, classes)
    try:
        array = np.asarray(items)
        if array.dtype != object:
            return array
        # None is a missing number.
        return array.astype(np.float64) if array.ndim in (1, 2) else result
    except (TypeError, ValueError):
        return result


def _of_outputs(arrays: Sequence[Any], classes: Any) -> Any:
    """The probability of the positive class of each output, shape (rows, outputs)."""
    import numpy as np

    if len(arrays) == 1:
        return arrays[0]
    known = classes if _are_of_outputs(classes, len(arrays)) else [None] * len(arrays)
    columns = [
        _positive(array, labels, number)
        for number, (array, labels) in enumerate(zip(arrays, known, strict=True))
    ]
    return np.column_stack(columns)


def _are_of_outputs(classes: Any, count: int) -> bool:
    return (
        classes is not None
        and len(classes) == count
        and all(hasattr(labels, "__len__") and not isinstance(labels, str) for labels in classes)
    )


def _positive(array: Any, labels: Any, number: int) -> Any:
    width = array.shape[1]
    if width == 2:
        return array[:, 1]
    if width == 1 and labels is not None and len(labels) == 1:
        # Only one class was there to learn: it is the positive one, or everything is negative.
        return array[:, 0] if _is_positive(labels[0]) else 1 - array[:, 0]
    raise ModelError(
        f"Output {number} of the model has probabilities for {width} classes, but an output of a "
        "multilabel model has two: the label is there, or it is not"
    )


def _is_positive(label: Any) -> bool:
    return fold_label(str(label)) not in (0.0, -1.0)
