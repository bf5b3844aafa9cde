"""For compatibility only: what clients of ``/transform/`` use to read its answer."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from datarobot_drum.drum.prediction.payload.matrix_market import parse_matrix
from datarobot_drum.drum.prediction.payload.multipart import parse_multipart

if TYPE_CHECKING:
    import pandas as pd

Parts: TypeAlias = Mapping[str, str | bytes]


def parse_multi_part_response(response: Any) -> dict[str, str | bytes]:
    """The parts of an answer by name: plain fields as text, files as bytes.

    Args:
        response: of requests or httpx: anything with ``content`` and ``headers``.

    Raises:
        PayloadError: the answer is no form.
    """
    parts = parse_multipart(response.content, response.headers["Content-Type"])
    return {
        part.name: str(part.data, "utf-8") if part.filename is None else bytes(part.data)
        for part in parts
    }


def read_csv_payload(response_dict: Parts, transform_key: str) -> pd.DataFrame:
    """The CSV part of that name as a frame."""
    import pandas as pd

    return pd.read_csv(io.BytesIO(_bytes(response_dict[transform_key])))


def read_mtx_payload(response_dict: Parts, transform_key: str) -> Any:
    """The Matrix Market part of that name as a scipy CSR matrix."""
    from scipy.sparse import csr_matrix

    return csr_matrix(parse_matrix(_bytes(response_dict[transform_key])))


def read_x_data_from_response(response: Any) -> pd.DataFrame:
    """The transformed rows of an answer, whichever of the two formats it has.

    Columns of a sparse answer are 0, 1, 2 …; their names are its part ``X.colnames``.
    """
    import pandas as pd

    parts = parse_multi_part_response(response)
    if parts["X.format"] == "csv":
        return read_csv_payload(parts, "X.transformed")
    # An accessor that the stubs do not know.
    sparse: Any = pd.DataFrame.sparse
    frame: pd.DataFrame = sparse.from_spmatrix(read_mtx_payload(parts, "X.transformed"))
    return frame


def _bytes(part: str | bytes) -> bytes:
    return part.encode() if isinstance(part, str) else part
