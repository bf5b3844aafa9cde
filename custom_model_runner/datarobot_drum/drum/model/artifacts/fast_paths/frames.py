"""A pipeline that begins with a ColumnTransformer, predicted without the cost of its frames.

As with ``ArrayPath``: decided when the model is loaded, from the types of its steps and from rows
made for them. The fast path is there only if every made frame that it takes gives the same matrix,
to the last bit and in the same layout; all other frames, and large ones, take the ordinary path.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.fast_paths import made_rows
from datarobot_drum.drum.model.artifacts.fast_paths.arrays import is_own, parts, same_bits
from datarobot_drum.drum.model.artifacts.fast_paths.columns import FastColumns, fast_columns
from datarobot_drum.drum.model.artifacts.fast_paths.steps import FastPipeline, fast_last

# What is saved for each request is little beside the work on more rows than these.
MOST_ROWS: Final = 1000
# To try more of them out takes too much of the time in which a model is loaded.
_MOST_COLUMNS: Final = 64


class FramePath:
    """The fast path for frames, where it gives the same.

    Args:
        estimator: a fitted scikit-learn pipeline; anything else has no fast path.
        method: ``predict`` or ``predict_proba``.

    Attributes:
        pipeline: what to predict with instead, or to take apart; None where there is none. It
            raises for input that only the original knows.
    """

    def __init__(self, estimator: Any, method: str) -> None:
        self.pipeline: FastPipeline | None = None
        columns = _first_step(estimator)
        candidate = None if columns is None else _fast_pipeline(estimator, columns)
        if columns is None or candidate is None:
            return
        if made_rows.agree(partial(_is_equal, estimator, method, candidate, columns)):
            self.pipeline = candidate

    def takes(self, data: Any) -> bool:
        """Whether a frame is worth the try."""
        return self.pipeline is not None and len(data) <= MOST_ROWS


def _is_equal(estimator: Any, method: str, candidate: FastPipeline, columns: FastColumns) -> bool:
    """Raises what the original raises for rows that the fast path takes: it must not differ."""
    names = list(map(str, estimator.steps[0][1].feature_names_in_))
    frames = list(made_rows.frames(names, columns.words, columns.numbers))
    return _same_matrices(estimator.steps[0][1], columns, frames) and (
        # A user's own step is not called before there are rows of the user's own.
        not _is_all_own(estimator)
        or all(
            same_bits(getattr(estimator, method)(frame), getattr(candidate, method)(frame))
            for frame in frames[:2]
        )
    )


def _same_matrices(original: Any, columns: FastColumns, frames: Iterable[Any]) -> bool:
    """Raises what the original raises for a frame that the fast path takes."""
    for number, frame in enumerate(frames):
        try:
            short = columns.transform(frame)
        except made_rows.REFUSALS:
            continue
        matrix = original.transform(frame)
        if number == 0:
            columns.order = "F" if matrix.flags.f_contiguous else "C"
            short = columns.transform(frame)
        if not (same_bits(matrix, short) and _same_layout(matrix, short)):
            return False
    return True


def _same_layout(one: Any, other: Any) -> bool:
    flags = ("c_contiguous", "f_contiguous")
    return all(getattr(one.flags, flag) == getattr(other.flags, flag) for flag in flags)


def _first_step(estimator: Any) -> FastColumns | None:
    if not is_a(estimator, "sklearn", "Pipeline") or len(estimator.steps) < 2:
        return None
    first = estimator.steps[0][1]
    if getattr(first, "n_features_in_", 0) > _MOST_COLUMNS:
        return None
    return fast_columns(first)


def _fast_pipeline(pipeline: Any, columns: FastColumns) -> FastPipeline | None:
    (first_name, _first), *middle, (last_name, last) = pipeline.steps
    # The others get a matrix in either case: they may be what they like, but for samplers.
    between = [(name, step) for name, step in middle if step not in (None, "passthrough")]
    if not is_own(last) or not all(hasattr(step, "transform") for _name, step in between):
        return None
    fast = fast_last(last) if _is_all_own(pipeline) else None
    return FastPipeline([(first_name, columns), *between, (last_name, fast or last)])


def _is_all_own(pipeline: Any) -> bool:
    steps = (step for _name, step in pipeline.steps if step not in (None, "passthrough"))
    return all(map(is_own, steps)) and all(map(is_own, parts(pipeline)))
