"""The answer of ``/transform/``: a form with the transformed rows, and the target as it came."""

from __future__ import annotations

import io
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.prediction.payload.multipart import MULTIPART_FORM

if TYPE_CHECKING:
    import pandas as pd

NAMES_FAILED = (
    "Column name serialization check failed, deserializing column names resulted in {}, "
    "expected {}\nEnsure there are no column names made up entirely of whitespace"
)


def transform_response(frame: pd.DataFrame, target: pd.DataFrame | None) -> PredictResponse:
    """Encode transformed rows: CSV, or Matrix Market with column names for a sparse frame.

    Parts, in this order: ``X.format``, ``X.transformed``, ``X.colnames`` (sparse only), and
    with a target ``y.format`` and ``y.transformed``.

    Raises:
        ModelError: all columns have blank names.
    """
    form = _Form()
    names = _column_names(frame)
    if is_sparse(frame):
        form.add_field("X.format", "sparse")
        form.add_file("X.transformed", _matrix_market(frame))
        form.add_file("X.colnames", "\n".join(names).encode())
    else:
        form.add_field("X.format", "csv")
        form.add_file("X.transformed", _csv(frame.set_axis(names, axis=1)))
    if target is not None:
        form.add_field("y.format", "csv")
        form.add_file("y.transformed", _csv(target))
    return PredictResponse(HTTPStatus.OK, form.body(), form.content_type)


def is_sparse(frame: pd.DataFrame) -> bool:
    """Whether the frame is sparse, or holds a scipy matrix in its first cell."""
    import pandas as pd

    if frame.shape[1] and all(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes):
        return True
    return frame.size > 0 and hasattr(frame.iat[0, 0], "tocoo")


class _Form:
    def __init__(self) -> None:
        self._boundary = uuid.uuid4().hex
        self._pieces: list[bytes] = []
        self.content_type = f"{MULTIPART_FORM}; boundary={self._boundary}"

    def add_field(self, name: str, value: str) -> None:
        self._add(f'name="{name}"', value.encode())

    def add_file(self, name: str, data: bytes) -> None:
        headers = f'name="{name}"; filename="{name}"\r\nContent-Type: application/octet-stream'
        self._add(headers, data)

    def body(self) -> bytes:
        return b"".join((*self._pieces, f"--{self._boundary}--\r\n".encode()))

    def _add(self, headers: str, data: bytes) -> None:
        start = f"--{self._boundary}\r\nContent-Disposition: form-data; {headers}\r\n\r\n"
        self._pieces += (start.encode(), data, b"\r\n")


def _column_names(frame: pd.DataFrame) -> list[str]:
    """Names on one line each: the sparse form has nothing else to tell them apart."""
    names = [str(name).strip().replace("\n", "\\n") for name in frame.columns]
    if not all(names):
        raise ModelError(NAMES_FAILED.format(sum(map(bool, names)), len(names)))
    return names


def _csv(frame: pd.DataFrame) -> bytes:
    text: str = frame.to_csv(index=False, lineterminator="\r\n")
    return text.removesuffix("\r\n").encode()


def _matrix_market(frame: pd.DataFrame) -> bytes:
    from scipy.io import mmwrite

    sink = io.BytesIO()
    mmwrite(sink, _matrix(frame))
    return sink.getvalue()


def _matrix(frame: pd.DataFrame) -> Any:
    import pandas as pd
    from scipy.sparse import vstack

    if isinstance(frame.dtypes.iloc[0], pd.SparseDtype):
        # An accessor that the stubs do not know.
        sparse: Any = frame.sparse
        return sparse.to_coo()
    return vstack(list(frame.iloc[:, 0]))
