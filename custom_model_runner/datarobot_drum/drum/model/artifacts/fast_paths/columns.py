"""scikit-learn's ColumnTransformer for a frame as ``read_csv`` makes it, without its checks.

Each of its transformers takes a frame of its own, which costs more than all the arithmetic:
milliseconds for one row. Here every column is taken once. As in ``steps`` the arithmetic is
scikit-learn's, and whatever is out of the ordinary raises and takes the ordinary path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.fast_paths.steps import fast_transformer
from datarobot_drum.drum.model.artifacts.lineage import chosen_columns

# Takes a frame, gives a matrix; raises where only scikit-learn knows what to do.
Branch = Callable[[Any], Any]
_FILLS: Final = ("mean", "median", "most_frequent", "constant")


class UnusualInputError(ValueError):
    """Rows that the fast path does not know; never seen by a user."""


class FastColumns:
    """Stands in for a fitted ColumnTransformer whose result is a dense matrix.

    Args:
        words: the columns of text, and the values that each has been fitted on.
        numbers: the columns of each branch of numbers.

    Attributes:
        order: how its results lie in memory, ``C`` or ``F``: a model that sums in another order
            may give another last digit, and versions of scikit-learn differ.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        words: Mapping[str, Sequence[str]],
        numbers: Sequence[Sequence[str]],
    ) -> None:
        self.order: Literal["C", "F"] = "C"
        self.words = words
        self.numbers = numbers
        self._branches = branches

    def transform(self, frame: Any) -> Any:
        """A float64 matrix of shape (rows, features)."""
        import numpy as np

        if len(frame) == 0:
            raise UnusualInputError("no rows")
        blocks = [branch(frame) for branch in self._branches]
        matrix = np.hstack(blocks)
        if matrix.dtype != np.float64:
            raise UnusualInputError("integers alone")
        return np.asarray(matrix, order=self.order)


def fast_columns(transformer: Any) -> FastColumns | None:
    """None unless everything inside is known."""
    if not is_a(transformer, "sklearn", "ColumnTransformer") or not _is_own(transformer):
        return None
    if transformer.transformer_weights or transformer.sparse_output_:
        return None
    branches: list[Branch] = []
    words: dict[str, Sequence[str]] = {}
    numbers: list[Sequence[str]] = []
    for _name, step, columns in transformer.transformers_:
        names = _names(chosen_columns(columns))
        if names == [] or (isinstance(step, str) and step == "drop"):
            continue
        branch = None if names is None else _branch(step, names)
        if names is None or branch is None:
            return None
        found = _words(step, names)
        words |= found
        numbers += [] if found else [names]
        branches.append(branch)
    return FastColumns(branches, words, numbers)


def _names(columns: Any) -> list[str] | None:
    """A choice of columns by a list of names; None for any other choice."""
    import numpy as np
    import pandas as pd

    if not isinstance(columns, list | tuple | np.ndarray | pd.Index):
        return None
    return list(columns) if all(isinstance(name, str) for name in columns) else None


def _branch(step: Any, names: list[str]) -> Branch | None:
    *front, last = _steps(step)
    if type(last).__name__ == "OneHotEncoder":
        return _one_hot(names, front, last)
    transforms = [_numeric(each) for each in (*front, last)]
    if any(transform is None for transform in transforms):
        return None
    makes_floats = any(map(_makes_floats, (*front, last)))
    return _numbers(
        names, [transform for transform in transforms if transform is not None], makes_floats
    )


def _steps(step: Any) -> list[Any]:
    return [s for _, s in step.steps] if is_a(step, "sklearn", "Pipeline") else [step]


def _words(step: Any, columns: Sequence[str]) -> dict[str, Sequence[str]]:
    encoder = _steps(step)[-1]
    if type(encoder).__name__ != "OneHotEncoder":
        return {}
    seen = (
        [each for each in values.tolist() if type(each) is str] for values in encoder.categories_
    )
    return dict(zip(columns, seen, strict=True))


def _is_own(step: Any) -> bool:
    """scikit-learn's class itself, with matrices as its output."""
    output = vars(step).get("_sklearn_output_config", {}).values()
    return type(step).__module__.startswith("sklearn.") and set(output) <= {None, "default"}


# -- numbers


def _numbers(
    names: Sequence[str], transforms: Sequence[Callable[[Any], Any]], makes_floats: bool
) -> Branch:
    import numpy as np

    def branch(frame: Any) -> Any:
        columns = [_number_column(frame, name) for name in names]
        # Column by column in memory, as the frame of these columns is.
        block = np.array(columns).T
        if not makes_floats and block.dtype != np.float64:
            return block  # integers stay integers, and there is no gap to fill
        block = block.astype(np.float64, copy=False)
        for transform in transforms:
            block = transform(block)
        return block

    return branch


def _makes_floats(step: Any) -> bool:
    """It makes float64 of whole numbers; what comes after it, of scikit-learn, gets those."""
    if type(step).__name__ == "SimpleImputer":
        return step.strategy in ("mean", "median")
    return not _passes_through(step)


def _number_column(frame: Any, name: str) -> Any:
    import numpy as np

    values = frame[name].to_numpy()
    # Narrow numbers are worked on in their own dtype, with other digits.
    if values.dtype not in (np.float64, np.int64) or values.ndim != 1:
        raise UnusualInputError("not a column of numbers")
    return values


def _numeric(step: Any) -> Callable[[Any], Any] | None:
    if _passes_through(step):
        known = fast_transformer("passthrough")
    elif not _is_own(step):
        return None
    elif type(step).__name__ == "SimpleImputer":
        return _fill(step)
    else:
        known = fast_transformer(step)
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
    if column.dtype != object and not (
        isinstance(column.dtype, pd.StringDtype) and column.dtype.na_value is not pd.NA
    ):
        # A column of missing values alone is one of numbers.
        raise UnusualInputError("not a column of text")
    return [None if _is_nan(value) else _text(value) for value in column.tolist()]


def _text(value: Any) -> str:
    # None is another missing value than NaN, and a category of its own.
    if type(value) is not str:
        raise UnusualInputError("not text")
    return value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
