"""Sparse rows, whose zeros take no memory, for models that make all cells of them.

A few bytes may announce any number of such cells. Boosters, which look at each row alone, are
given few rows at a time, each with all its cells: the same answers without the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.lineage import members
from datarobot_drum.drum.model.artifacts.own_code import is_of
from datarobot_drum.drum.model.predictor import Dense

if TYPE_CHECKING:
    import pandas as pd

# Cells of a piece: 32 MB of numbers. Fewer are not worth a second call.
PIECE: Final = 4_000_000
_BOOSTERS: Final = ("lightgbm", "xgboost")


def makes_dense(model: Any) -> Dense:
    """What a model of scikit-learn's kind makes of sparse rows.

    scikit-learn's own estimators take them as they are, or refuse them.
    """
    if is_of(model, _BOOSTERS):
        return Dense.IN_PIECES
    if is_a(model, "lightgbm", "LGBMModel") or is_a(model, "xgboost", "XGBModel"):
        return Dense.AT_ONCE  # a class of the user's, which may compare rows
    if is_a(model, "sklearn", "Pipeline"):
        return _of_steps([step for _, step in model.steps if step not in (None, "passthrough")])
    if is_a(model, "sklearn", "ColumnTransformer"):
        # It joins what its parts return as it did when it was fitted.
        return Dense.NEVER if getattr(model, "sparse_output_", False) else Dense.AT_ONCE
    if is_a(model, "sklearn", "FeatureUnion"):
        kinds = {makes_dense(step) for _, step in model.transformer_list if step != "drop"}
        return Dense.NEVER if kinds <= {Dense.NEVER} else Dense.AT_ONCE
    kinds = {makes_dense(member) for member in members(model)}
    if kinds == {Dense.IN_PIECES}:
        return Dense.IN_PIECES
    return Dense.NEVER if kinds <= {Dense.NEVER} else Dense.AT_ONCE


def dense_pieces(data: Any) -> Iterator[pd.DataFrame] | None:
    """The rows of a large sparse frame, some at a time, with all their cells; None for others."""
    import pandas as pd

    if not isinstance(data, pd.DataFrame) or data.shape[0] * data.shape[1] <= PIECE:
        return None
    dtype: Any = data.dtypes.iloc[0]
    is_sparse = isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0
    if not is_sparse or (data.dtypes != dtype).any():
        return None
    return _pieces(data)


def _pieces(data: pd.DataFrame) -> Iterator[pd.DataFrame]:
    import pandas as pd

    # An accessor that the stubs do not know.
    sparse: Any = data.sparse
    matrix = sparse.to_coo().tocsr()
    step = max(1, PIECE // data.shape[1])
    for start in range(0, data.shape[0], step):
        rows = slice(start, start + step)
        yield pd.DataFrame(matrix[rows].toarray(), index=data.index[rows], columns=data.columns)


def _of_steps(steps: list[Any]) -> Dense:
    """Rows come to a later step as the ones before have made them, which is sparse too."""
    if len(steps) == 1:
        return makes_dense(steps[0])
    for step in steps:
        if makes_dense(step) is not Dense.NEVER:
            return Dense.AT_ONCE
        if not is_a(step, "sklearn", "FunctionTransformer"):  # it may hand them on as they came
            break
    return Dense.NEVER
