"""scikit-learn's ColumnTransformer for a frame as ``read_csv`` makes it, without its checks.

Each of its transformers takes a frame of its own, which costs more than all the arithmetic:
milliseconds for one row. Here every column is taken once. As in ``thin_steps`` the arithmetic is
scikit-learn's, and whatever is out of the ordinary raises and takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.thin_steps import thin_transformer

# Takes a frame, gives a matrix; raises where only scikit-learn knows what to do.
Branch = Callable[[Any], Any]
_FILLS: Final = ("mean", "median", "most_frequent", "constant")


class UnusualInputError(ValueError):
    """Rows that the short way does not know; never seen by a user."""


class ThinColumns:
    """Stands in for a fitted ColumnTransformer whose result is a dense matrix.

    Attributes:
        order: how its results lie in memory, ``C`` or ``F``: a model that sums in another order
            may give another last digit, and versions of scikit-learn differ.
    """

    def __init__(self, branches: Sequence[Branch], is_dense: Callable[[Sequence[Any]], bool]):
        self.order: Literal["C", "F"] = "C"
        self._branches = branches
        self._is_dense = is_dense

    def transform(self, frame: Any) -> Any:
        """A float64 matrix of shape (rows, features)."""
        import numpy as np

        if len(frame) == 0:
            raise UnusualInputError("no rows")
        blocks = [branch(frame) for branch in self._branches]
        if not self._is_dense(blocks):
            raise UnusualInputError("scikit-learn would return a sparse matrix")
        return np.asarray(np.hstack(blocks), order=self.order)


def thin_columns(transformer: Any) -> ThinColumns | None:
    """None unless everything inside is known."""
    if not is_a(transformer, "sklearn", "ColumnTransformer") or not _is_own(transformer):
        return None
    if transformer.transformer_weights:
        return None
    branches: list[Branch] = []
    sparse: list[int] = []
    for _name, step, columns in transformer.transformers_:
        if _drops(step, columns):
            continue
        branch = _branch(step, columns)
        if branch is None:
            return None
        if _last(step).__class__.__name__ == "OneHotEncoder" and _last(step).sparse_output:
            sparse.append(len(branches))
        branches.append(branch)
    return ThinColumns(branches, _density(sparse, transformer.sparse_threshold))


def _density(sparse: Sequence[int], threshold: float) -> Callable[[Sequence[Any]], bool]:
    """Whether ColumnTransformer makes one dense matrix of some blocks.

    Args:
        sparse: the positions of the blocks that scikit-learn has in sparse form.
    """
    import numpy as np

    def is_dense(blocks: Sequence[Any]) -> bool:
        if not sparse:
            return True
        filled = sum(
            np.count_nonzero(block) if position in sparse else block.size
            for position, block in enumerate(blocks)
        )
        return bool(filled / sum(block.size for block in blocks) >= threshold)

    return is_dense


def _drops(step: Any, columns: Any) -> bool:
    return (isinstance(step, str) and step == "drop") or len(columns) == 0


def _branch(step: Any, columns: Any) -> Branch | None:
    if not all(isinstance(name, str) for name in columns):
        return None
    names = list(columns)
    *front, last = _steps(step)
    if type(last).__name__ == "OneHotEncoder":
        return _one_hot(names, front, last)
    transforms = [_numeric(each) for each in (*front, last)]
    if any(transform is None for transform in transforms):
        return None
    return _numbers(names, [transform for transform in transforms if transform is not None])


def _steps(step: Any) -> list[Any]:
    return [s for _, s in step.steps] if is_a(step, "sklearn", "Pipeline") else [step]


def _last(step: Any) -> Any:
    return _steps(step)[-1]


def _is_own(step: Any) -> bool:
    """scikit-learn's class itself, with matrices as its output."""
    output = vars(step).get("_sklearn_output_config", {}).values()
    return type(step).__module__.startswith("sklearn.") and set(output) <= {None, "default"}


# -- numbers


def _numbers(names: Sequence[str], transforms: Sequence[Callable[[Any], Any]]) -> Branch:
    import numpy as np

    def branch(frame: Any) -> Any:
        # Column by column in memory, as the frame of these columns is.
        block = np.array([_number_column(frame, name) for name in names], dtype=np.float64).T
        for transform in transforms:
            block = transform(block)
        return block

    return branch


def _number_column(frame: Any, name: str) -> Any:
    values = frame[name].to_numpy()
    if values.dtype.kind not in "fi" or values.ndim != 1:
        raise UnusualInputError("not a column of numbers")
    return values


def _numeric(step: Any) -> Callable[[Any], Any] | None:
    if _passes_through(step):
        known = thin_transformer("passthrough")
    elif not _is_own(step):
        return None
    elif type(step).__name__ == "SimpleImputer":
        return _fill(step)
    else:
        known = thin_transformer(step)
    return None if known is None else known.transform


def _passes_through(step: Any) -> bool:
    """Also a function transformer without a function, which stands for it once it is fitted."""
    if is_a(step, "sklearn", "FunctionTransformer"):
        return step.func is None and not step.validate and _is_own(step)
    return step is None or step == "passthrough"


def _fill(imputer: Any) -> Callable[[Any], Any] | None:
    import numpy as np

    statistics = imputer.statistics_
    if imputer.add_indicator or not _fills_nan(imputer) or statistics.dtype.kind != "f":
        return None
    if np.isnan(statistics).any():
        return None

    def fill(block: Any) -> Any:
        if np.isinf(block).any():
            raise UnusualInputError("an infinity")
        return np.where(np.isnan(block), statistics, block)

    return fill


def _fills_nan(imputer: Any) -> bool:
    missing = imputer.missing_values
    return isinstance(missing, float) and missing != missing and imputer.strategy in _FILLS


# -- categories


def _one_hot(names: Sequence[str], front: Sequence[Any], encoder: Any) -> Branch | None:
    import numpy as np

    fills = _text_fills(front, len(names))
    places = _places(encoder)
    if fills is None or places is None or len(places) != len(names):
        return None
    width = sum(len(place) for place in places)
    ignores = encoder.handle_unknown == "ignore"

    def branch(frame: Any) -> Any:
        block = np.zeros((len(frame), width))
        first = 0
        for name, fill, place in zip(names, fills, places, strict=True):
            for row, value in enumerate(_text_column(frame, name)):
                at = place.get(fill if value is None else value)
                if at is not None:
                    block[row, first + at] = 1.0
                elif not ignores:
                    raise UnusualInputError("an unknown category")
            first += len(place)
        return block

    return branch


def _places(encoder: Any) -> list[Mapping[str | None, int]] | None:
    """For each column where its categories are; a missing value is the category None."""
    import numpy as np

    plain = (
        _is_own(encoder)
        and encoder.drop is None
        and encoder.dtype in (float, np.float64)
        and encoder.handle_unknown in ("ignore", "error")
        and encoder.min_frequency is None
        and encoder.max_categories is None
    )
    if not plain:
        return None
    places: list[Mapping[str | None, int]] = []
    for categories in encoder.categories_:
        known = [None if _is_nan(each) else each for each in categories.tolist()]
        if not all(each is None or type(each) is str for each in known):
            return None
        if any(each is None for each in categories.tolist()):
            return None
        places.append({each: place for place, each in enumerate(known)})
    return places


def _text_fills(front: Sequence[Any], count: int) -> list[str | None] | None:
    """What a missing value of each column becomes before it is encoded; None: it stays."""
    if not front:
        return [None] * count
    (imputer, *more) = front
    if more or type(imputer).__name__ != "SimpleImputer" or not _is_own(imputer):
        return None
    fills = imputer.statistics_.tolist()
    if imputer.add_indicator or not _fills_nan(imputer):
        return None
    return fills if all(type(fill) is str for fill in fills) else None


def _text_column(frame: Any, name: str) -> list[str | None]:
    """The texts of a column, None where one is missing."""
    import pandas as pd

    column = frame[name]
    if column.dtype.kind != "O" and not isinstance(column.dtype, pd.StringDtype):
        # A column of missing values alone is one of numbers.
        raise UnusualInputError("not a column of text")
    values = [None if _is_nan(value) else value for value in column.tolist()]
    if not all(value is None or type(value) is str for value in values):
        raise UnusualInputError("not all text")
    return values


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
