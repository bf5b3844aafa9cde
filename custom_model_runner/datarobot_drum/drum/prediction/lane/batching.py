"""Requests that wait together are predicted together. Nothing ever waits for company.

Split by construction: the rows of a request are the slice between two sums of row counts,
and a call that fails is repeated request by request, so that bad rows cost only their own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, TypeAlias, TypeVar

from datarobot_drum.drum.logs import handling
from datarobot_drum.drum.model.predictor import Predictions, Predictor, RowSource
from datarobot_drum.drum.prediction.messages import PredictRequest, PredictResponse

Result = TypeVar("Result")
Failed = TypeVar("Failed")
# Cells that may wait, read already, for those that share their call.
_MOST_CELLS: Final = 8_000_000

Answer: TypeAlias = Callable[[PredictRequest], PredictResponse]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The decoded rows of one request. ``key`` is equal for rows that may be merged."""

    position: int
    request: PredictRequest
    data: Any
    source: RowSource
    key: Hashable

    @property
    def count(self) -> int:
        return len(self.data)

    @property
    def cells(self) -> int:
        """0 where nobody knows what it is: that is merged with nothing."""
        import numpy as np
        import pandas as pd

        return self.data.size if isinstance(self.data, np.ndarray | pd.DataFrame) else 0


class Batcher:
    """Answers several requests with as few calls of the model as can be.

    Args:
        decode: a request -> its rows; raises what a bad request raises.
        encode: predictions -> the answer to the request.
        failed: an error -> the answer that tells of it.
        max_rows: most rows in one merged call; a larger request goes alone.
    """

    def __init__(
        self,
        predictor: Predictor,
        decode: Callable[[PredictRequest], tuple[Any, RowSource]],
        encode: Callable[[PredictRequest, Predictions], PredictResponse],
        failed: Callable[[BaseException], PredictResponse],
        max_rows: int,
    ) -> None:
        self._predictor = predictor
        self._decode = decode
        self._encode = encode
        self._failed = failed
        self._max_rows = max_rows

    def answer(self, requests: Sequence[PredictRequest]) -> list[PredictResponse]:
        """One answer for each request, in their order."""
        answers: dict[int, PredictResponse] = {}
        for group in self._groups(self._decoded(requests, answers)):
            answers.update(self._answer_group(group))
        return [answers[position] for position in range(len(requests))]

    def _decoded(
        self, requests: Sequence[PredictRequest], answers: dict[int, PredictResponse]
    ) -> Iterator[_Rows]:
        """The rows of the requests, one after the other; bad ones have their answer at once."""
        for position, request in enumerate(requests):
            rows = self._for(request, self._rows, position, request)
            if isinstance(rows, _Rows):
                yield rows
            else:
                answers[position] = rows

    def _rows(self, position: int, request: PredictRequest) -> _Rows:
        data, source = self._decode(request)
        return _Rows(position, request, data, source, _merge_key(data))

    def _groups(self, decoded: Iterable[_Rows]) -> Iterator[list[_Rows]]:
        """Rows that share a key, in batches of at most ``max_rows`` rows.

        What is read waits for the others only as long as all of it together is no great table.
        """
        open_groups: dict[Hashable, list[_Rows]] = {}
        held = 0
        for rows in decoded:
            group = open_groups.setdefault(rows.key, [])
            if group and sum(other.count for other in group) + rows.count > self._max_rows:
                yield group
                group = open_groups[rows.key] = []
            group.append(rows)
            held += rows.cells
            if held > _MOST_CELLS:
                yield from open_groups.values()
                open_groups, held = {}, 0
        yield from open_groups.values()

    def _answer_group(self, group: list[_Rows]) -> Iterator[tuple[int, PredictResponse]]:
        if len(group) > 1:
            # Where somebody's rows are bad, each request finds out for itself.
            parts = _attempt(self._predict_merged, lambda _error: None, group)
            if parts is not None:
                for rows, predictions in zip(group, parts, strict=True):
                    yield (
                        rows.position,
                        self._for(rows.request, self._encode, rows.request, predictions),
                    )
                return
        for rows in group:
            yield rows.position, self._for(rows.request, self._answer_alone, rows)

    def _for(
        self, request: PredictRequest, call: Callable[..., Result], *arguments: Any
    ) -> Result | PredictResponse:
        """What is done for one request alone; what the log says of it has that one's id."""
        with handling(request.request_id):
            return _attempt(call, self._failed, *arguments)

    def _predict_merged(self, group: list[_Rows]) -> list[Predictions] | None:
        counts = tuple(rows.count for rows in group)
        merged = _merge([rows.data for rows in group])
        predictions = self._predictor.predict(merged, RowSource(row_counts=counts))
        if len(predictions) != sum(counts) or predictions.extra is not None:
            return None
        return [
            Predictions(predictions.values[start:stop], predictions.columns)
            for start, stop in pairwise(accumulate(counts, initial=0))
        ]

    def _answer_alone(self, rows: _Rows) -> PredictResponse:
        return self._encode(rows.request, self._predictor.predict(rows.data, rows.source))


def _attempt(
    call: Callable[..., Result], failed: Callable[[Exception], Failed], *arguments: Any
) -> Result | Failed:
    try:
        return call(*arguments)
    # A model may raise anything, and must not take the requests with it that wait beside.
    except Exception as error:
        return failed(error)


def _merge_key(data: Any) -> Hashable:
    """Equal for tables with the same columns, dtypes and kind of index; unique for others."""
    import numpy as np
    import pandas as pd

    if isinstance(data, np.ndarray):
        return ("array", data.shape[1:], data.dtype)
    if not isinstance(data, pd.DataFrame) or type(data.index) is not pd.RangeIndex:
        return object()
    if data.empty or any(isinstance(dtype, pd.SparseDtype) for dtype in data.dtypes):
        return object()
    return (tuple(data.columns), tuple(data.dtypes))


def _merge(tables: Sequence[Any]) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(tables[0], np.ndarray):
        # Column by column in memory, as each of them is.
        return np.concatenate([table.T for table in tables], axis=1).T
    return pd.concat(tables, ignore_index=True)
