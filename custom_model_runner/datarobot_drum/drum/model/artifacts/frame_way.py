"""A pipeline that begins with a ColumnTransformer, predicted without the cost of its frames.

As with ``ArrayWay``: decided from the types of the steps, then shown on real input. The first
frames, each also several times over, go both ways; the short one is opened only if all results
are equal to the last bit and lie in memory alike.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

from datarobot_drum.drum.model.artifacts.array_way import same_bits
from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.thin_columns import ThinColumns, thin_columns
from datarobot_drum.drum.model.artifacts.thin_steps import ThinPipeline, thin_last

_COMPARISONS: Final = 3
# One row tells nothing of how rows lie in memory.
_REPEATS: Final = 5


class FrameWay:
    """The short way for frames, once it is known to give the same.

    Args:
        estimator: a fitted scikit-learn pipeline; anything else has no short way.
        method: ``predict`` or ``predict_proba``.

    Attributes:
        pipeline: what to predict with instead, or to take apart; None while, or because,
            there is none. It raises for input that only the original knows.
    """

    def __init__(self, estimator: Any, method: str) -> None:
        self.pipeline: ThinPipeline | None = None
        self._original = estimator
        self._method = method
        self._columns = _first_step(estimator)
        self._candidate = (
            None if self._columns is None else _thin_pipeline(estimator, self._columns)
        )
        self._equal = 0

    def compare(self, frame: Any, result: Any) -> None:
        """See whether a frame that was predicted the long way gives the same the short way."""
        import pandas as pd

        if self._candidate is None or self.pipeline is not None:
            return
        if not isinstance(frame, pd.DataFrame) or len(frame) == 0:
            return
        agreed = self._agrees(self._candidate, frame, result)
        if agreed is False:
            self._candidate = None
        elif agreed:
            self._equal += 1
        if self._equal >= _COMPARISONS:
            self.pipeline = self._candidate

    def _agrees(self, candidate: ThinPipeline, frame: Any, result: Any) -> bool | None:
        """None: the frame is one for the long way, and no evidence."""
        import pandas as pd

        assert self._columns is not None
        repeated = pd.concat([frame] * _REPEATS, ignore_index=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                short = self._predict(candidate, frame)
                other = self._columns.transform(repeated)
            except Exception:
                return None
            one = self._original.steps[0][1].transform(repeated)
            if self._equal == 0:
                self._columns.order = "F" if one.flags.f_contiguous else "C"
                other = self._columns.transform(repeated)
            return (
                same_bits(result, short)
                and same_bits(one, other)
                and _same_layout(one, other)
                and same_bits(
                    self._predict(self._original, repeated), self._predict(candidate, repeated)
                )
            )

    def _predict(self, pipeline: Any, frame: Any) -> Any:
        return getattr(pipeline, self._method)(frame)


def _same_layout(one: Any, other: Any) -> bool:
    flags = ("c_contiguous", "f_contiguous")
    return all(getattr(one.flags, flag) == getattr(other.flags, flag) for flag in flags)


def _first_step(estimator: Any) -> ThinColumns | None:
    if not is_a(estimator, "sklearn", "Pipeline") or len(estimator.steps) < 2:
        return None
    return thin_columns(estimator.steps[0][1])


def _thin_pipeline(pipeline: Any, columns: ThinColumns) -> ThinPipeline | None:
    (first_name, _first), *middle, (last_name, last) = pipeline.steps
    if not type(last).__module__.startswith("sklearn."):
        return None
    # The others get a matrix in either case: they may be what they like.
    between = [(name, step) for name, step in middle if step not in (None, "passthrough")]
    return ThinPipeline([(first_name, columns), *between, (last_name, thin_last(last) or last)])
