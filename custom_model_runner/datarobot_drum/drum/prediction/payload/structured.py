"""Where the rows of a structured request are, and in which format they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from datarobot_drum.drum.enum import CustomHooks
from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.model.predictor import ModelInfo, Predictor, RowSource
from datarobot_drum.drum.prediction.messages import (
    COMPRESSED,
    JSON,
    Body,
    PredictRequest,
    is_compressed,
    parse_content_type,
)
from datarobot_drum.drum.prediction.payload.arrow import (
    ARROW_STREAM,
    PARQUET,
    read_arrow_floats,
    read_arrow_stream,
    read_parquet,
)
from datarobot_drum.drum.prediction.payload.csv.compiled import is_there, read_compiled
from datarobot_drum.drum.prediction.payload.csv.file import (
    is_large,
    read_csv_file,
    read_file,
)
from datarobot_drum.drum.prediction.payload.csv.floats import are_few, read_floats
from datarobot_drum.drum.prediction.payload.csv.frame import frame_from_block
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns, text_columns
from datarobot_drum.drum.prediction.payload.decoded import check_answers
from datarobot_drum.drum.prediction.payload.json_rows import read_json_rows
from datarobot_drum.drum.prediction.payload.matrix_market import (
    check_dense,
    read_column_names,
    read_matrix_market,
)
from datarobot_drum.drum.prediction.payload.multipart import MULTIPART_FORM, Part, parse_multipart

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

URL_ENCODED_FORM = "application/x-www-form-urlencoded"
NO_ROWS: Final = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)
# What curl makes of --data and --data-binary.
SENT_AS_FORM: Final = (
    f". The body was sent as a form ({URL_ENCODED_FORM}), as curl does by itself: add the header"
    " 'Content-Type: text/csv', or that of its format."
)
MTX = "text/mtx"
CSV_TYPES = frozenset({"", "text/csv", "text/plain"})
# Of files; what has no entry is CSV, and nobody is told a type.
_EXTENSIONS: Mapping[str, str] = {
    ".mtx": MTX,
    ".json": JSON,
    ".arrow": ARROW_STREAM,
    ".parquet": PARQUET,
}

_READERS: Mapping[str, Callable[[Body, int | None], pd.DataFrame]] = {
    ARROW_STREAM: read_arrow_stream,
    PARQUET: read_parquet,
}
ReadCsv: TypeAlias = "Callable[[Body, TextColumns | None, int | None], pd.DataFrame]"


class _Rows(NamedTuple):
    """The bytes of a table; ``mimetype`` is None for a part that is taken as CSV."""

    data: Body
    mimetype: str | None
    charset: str | None = None
    colnames: Sequence[str] | None = None


def read_rows(
    request: PredictRequest,
    predictor: Predictor,
    csv: ReadCsv = read_csv,
    limit: int | None = None,
) -> tuple[Any, RowSource]:
    """Find and read the rows of a request.

    They are in the file part ``X`` of a form, else they are the whole body. A model with a
    ``read_input_data`` hook reads every format itself, and may return anything.

    Args:
        limit: bytes that the rows may take once they are read; None: no limit.

    Returns:
        A DataFrame (or what the hook returned), and where it came from.

    Raises:
        PayloadError: no rows in it, a format that cannot be read, or rows that cannot.
        MalformedRequestError: JSON that does not parse.
        BodyTooLargeError: the rows would take more than the limit.
    """
    _check_uncompressed(request, predictor)
    rows = _find_rows(request, _parts(request))
    return _read(rows, predictor, csv, limit), _source(rows)


def read_transform_rows(
    request: PredictRequest, predictor: Predictor, limit: int | None = None
) -> tuple[Any, pd.DataFrame | None, RowSource]:
    """Like ``read_rows``, and the target from the file part ``y``, None when there is none.

    The target is never given to a ``read_input_data`` hook.
    """
    _check_uncompressed(request, predictor)
    parts = _parts(request)
    rows = _find_rows(request, parts)
    target = _file_part(parts, "y")
    target_frame = None if target is None else _read_built_in(_part_rows(target, None), limit=limit)
    return _read(rows, predictor, limit=limit), target_frame, _source(rows)


def read_file_rows(
    path: str, colnames: Sequence[str] | None, predictor: Predictor
) -> tuple[Any, RowSource]:
    """Like ``read_rows``, for a file, whose extension tells the format.

    The bytes of a large CSV file are never held whole, but where user code is given them.

    Args:
        colnames: of a sparse file, None to number them.

    Raises:
        PayloadError: a file that cannot be read, or rows that cannot.
        MalformedRequestError: JSON that does not parse.
    """
    mimetype = file_type(path)
    if mimetype is None and _needs_rows_only(predictor.info) and is_large(path):
        rows = read_csv_file(path, _text(predictor.info))
        return rows, RowSource(from_file=True)
    return read_data(read_file(path), mimetype, colnames, predictor)


def file_type(path: str) -> str | None:
    """The format that a file's extension tells; None for CSV. In capitals too, but for ``.mtx``,
    which the contract with the incumbent's users has in small letters only.
    """
    suffix = Path(path).suffix
    return _EXTENSIONS.get(suffix) or (
        None if suffix == ".MTX" else _EXTENSIONS.get(suffix.lower())
    )


def _needs_rows_only(info: ModelInfo) -> bool:
    """Whether no user code is given what the rows were read from."""
    return info.framework is not None and CustomHooks.READ_INPUT_DATA not in info.hooks


def read_data(
    data: bytes, mimetype: str | None, colnames: Sequence[str] | None, predictor: Predictor
) -> tuple[Any, RowSource]:
    """Like ``read_rows``, for bytes whose type is known otherwise; None means CSV.

    Raises:
        PayloadError: a format that cannot be read, or rows that cannot.
        MalformedRequestError: JSON that does not parse.
    """
    rows = _Rows(data, mimetype, colnames=colnames)
    return _read(rows, predictor), replace(_source(rows), from_file=True)


def _check_uncompressed(request: PredictRequest, predictor: Predictor) -> None:
    hooked = CustomHooks.READ_INPUT_DATA in predictor.info.hooks
    if not hooked and is_compressed(request.headers):
        raise PayloadError(f"{COMPRESSED} Only a `read_input_data` hook can read it as it is.")


def _parts(request: PredictRequest) -> list[Part]:
    if parse_content_type(request.content_type).mimetype != MULTIPART_FORM or not request.body:
        return []
    return parse_multipart(request.body, request.content_type)


def _find_rows(request: PredictRequest, parts: list[Part]) -> _Rows:
    part = _file_part(parts, "X")
    if part is not None:
        return _part_rows(part, _column_names(parts))
    sent, mimetype, charset, _ = parse_content_type(request.content_type)
    if not request.body or mimetype in (MULTIPART_FORM, URL_ENCODED_FORM):
        raise PayloadError(NO_ROWS + (SENT_AS_FORM if mimetype == URL_ENCODED_FORM else ""))
    return _Rows(request.body, sent, charset)


def _file_part(parts: list[Part], name: str) -> Part | None:
    return next((part for part in parts if part.name == name and part.filename is not None), None)


def _part_rows(part: Part, colnames: Sequence[str] | None) -> _Rows:
    # The part's own Content-Type is what the client's library guessed: not to be relied on.
    sparse = part.filename is not None and part.filename.endswith(".mtx")
    return _Rows(part.data, MTX if sparse else None, colnames=colnames)


def _column_names(parts: list[Part]) -> list[str] | None:
    part = _file_part(parts, "X.colnames")
    return None if part is None else read_column_names(part.data)


def _source(rows: _Rows) -> RowSource:
    return RowSource(rows.data, rows.mimetype, rows.charset, rows.colnames)


def _read(
    rows: _Rows, predictor: Predictor, csv: ReadCsv = read_csv, limit: int | None = None
) -> Any:
    if CustomHooks.READ_INPUT_DATA in predictor.info.hooks:
        return predictor.read_input(rows.data)
    info = predictor.info
    text = _text(info)
    # A column of text may look like decimals.
    table = _read_array(rows, predictor.array_columns, limit) if text is None else None
    if table is None:
        table = _read_built_in(rows, info.feature_names, text, csv, limit)
        if (rows.mimetype or "").lower() == MTX:
            check_dense(*table.shape, info.dense, limit)
    if len(table) > len(rows.data):
        # Nobody has sent these rows one by one.
        width = 1 if info.labels is None else len(info.labels.names)
        check_answers(len(table), width, limit)
    return table


def _text(info: ModelInfo) -> TextColumns | None:
    return text_columns(info) if info.text_columns else None


def _read_array(
    rows: _Rows, columns: tuple[str, ...] | None, limit: int | None
) -> np.ndarray[Any, Any] | pd.DataFrame | None:
    """The values alone, when the model needs no frame and the body has just its columns."""
    import numpy as np

    mimetype = (rows.mimetype or "").lower()
    if columns is not None and mimetype == ARROW_STREAM:
        return read_arrow_floats(rows.data, columns, limit)
    if columns is None or mimetype not in CSV_TYPES:
        return None
    floats = read_floats(rows.data) if are_few(rows.data) or not is_there() else None
    if floats is not None:
        if floats.header.names == columns:
            return floats.values
        return frame_from_block(floats.header.columns, floats.values)
    read = read_compiled(rows.data, None, limit)
    if read is None:
        return None
    values = read.floats if read.header.names == columns else None
    # What is missing is a frame's affair.
    return read.frame if values is None or np.isnan(values).any() else values


def _read_built_in(
    rows: _Rows,
    feature_names: Sequence[str] | None = None,
    text: TextColumns | None = None,
    csv: ReadCsv = read_csv,
    limit: int | None = None,
) -> pd.DataFrame:
    mimetype = (rows.mimetype or "").lower()
    if mimetype in CSV_TYPES:
        return csv(rows.data, text, limit)
    if mimetype == MTX:
        return read_matrix_market(rows.data, rows.colnames, limit)
    if mimetype == JSON:
        return read_json_rows(rows.data, feature_names, limit)
    reader = _READERS.get(mimetype)
    if reader is not None:
        return reader(rows.data, limit)
    raise PayloadError(
        f"payload format `{rows.mimetype}` is not supported by predictor/transformer. "
        "Make DRUM support the format or implement `read_input_data` hook to read the data. "
    )


def payload_formats() -> Mapping[str, None]:
    """The formats of rows that this installation reads, as ``/capabilities/`` lists them."""
    names = ["csv", "mtx", "json"]
    if find_spec("pyarrow") is not None:
        names += ["arrow", "parquet"]
    return dict.fromkeys(names)
