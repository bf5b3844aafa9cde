"""CSV, read as ``pandas.read_csv`` reads it by default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv.compiled import is_there, read_compiled
from datarobot_drum.drum.prediction.payload.csv.dialect import (
    LEAST_CHUNK,
    refuses_in_every_chunk,
)
from datarobot_drum.drum.prediction.payload.csv.floats import are_few, read_floats
from datarobot_drum.drum.prediction.payload.csv.frame import frame_from_block
from datarobot_drum.drum.prediction.payload.csv.rows import (
    UNFIT,
    has_longer_row,
    has_one_empty_cell_more,
    header_start,
)
from datarobot_drum.drum.prediction.payload.csv.size import rows_to_read
from datarobot_drum.drum.prediction.payload.csv.small import read_small_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.prediction.payload.decoded import refuse

if TYPE_CHECKING:
    import pandas as pd

NOT_UTF8 = "Supplied CSV input file encoding must be UTF-8."
NO_COLUMNS = "No columns to parse from file"
UNREADABLE = "Pandas failed to read input binary data"

# A header of a few kilobytes could keep pandas busy for minutes: each repeated name is looked
# for among all others, and every name becomes a column.
MAX_COLUMNS = 2**20
MAX_COMPARISONS = 20_000_000
_CONTENT = re.compile(rb"[^\r\n]")
_LINE_END = re.compile(rb"[\r\n]")
# Bytes: what pandas asks for at a time does not fit into a CPU's cache with what becomes of it.
READ_AT_ONCE: Final = 128 * 1024
_LONGER_ROW = re.compile(r"Expected \d+ fields in line \d+, saw \d+")
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row \d+")


def read_csv(body: Body, text: TextColumns | None = None, limit: int | None = None) -> pd.DataFrame:
    """Read a CSV body as ``pandas.read_csv`` would: UTF-8, its dtypes, its missing values.

    Blank lines are skipped, but in a table of one column they are missing values. No cell ever
    becomes an index: where each row has just one empty cell more than the header, it is left out.

    Args:
        text: columns that are read as text whatever stands in them.
        limit: bytes that the frame may take; None: no limit.

    Raises:
        BodyTooLargeError: the frame would take more.
        PayloadError: not UTF-8, no header, too many columns, or rows that do not fit the header.
    """
    frame = read_quickly(body, text, limit)
    if frame is not None:
        return frame
    _check_header(body)
    most = rows_to_read(body, limit)
    if has_one_empty_cell_more(body):
        return _read_with_pandas(body, text, limit, most, index_col=False)
    frame = _read_with_pandas(body, text, limit, most)
    if frame.shape[1] == 1:
        # A blank line before the header is none of its rows.
        table = memoryview(body)[header_start(body) :]
        frame = _read_with_pandas(table, text, skip_blank_lines=False)
    if not fits(frame, body):
        raise PayloadError(f"{UNFIT}.")
    return frame


def read_quickly(
    body: Body, text: TextColumns | None = None, limit: int | None = None
) -> pd.DataFrame | None:
    """What ``read_csv`` reads, without pandas' own reader; None where only that can tell."""
    if not is_there():
        return read_small_csv(body, text)
    # A column of text may look like decimals.
    floats = read_floats(body) if text is None and are_few(body) else None
    if floats is not None:
        return frame_from_block(floats.header.columns, floats.values)
    rows = read_compiled(body, text, limit)
    return None if rows is None else rows.frame


def fits(frame: pd.DataFrame, body: Body) -> bool:
    """Whether every cell of a body is in a column of the frame that pandas made of it."""
    import pandas as pd

    index = frame.index
    if not (isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1):
        return False
    chunked = frame.size > LEAST_CHUNK and not refuses_in_every_chunk()
    return not (chunked and has_longer_row(body, frame.shape[1]))


def _check_header(body: Body) -> None:
    header = _header(body)
    count = header.count(b",") + 1
    if count > MAX_COLUMNS:
        raise PayloadError(f"The CSV has too many columns: at most {MAX_COLUMNS}.")
    if count * count <= MAX_COMPARISONS:
        return
    # Columns without a name get names that differ.
    names = [name for name in header.split(b",") if name.strip() not in (b"", b'""')]
    if (len(names) - len(set(names))) * count > MAX_COMPARISONS:
        raise PayloadError("The CSV has too many columns of the same name.")


def _header(body: Body) -> bytes:
    """The first line that has something in it, and more of them while a quote is open."""
    content = _CONTENT.search(body)
    start = line = 0 if content is None else content.start()
    quotes = 0
    for end in _LINE_END.finditer(body, start):
        quotes += bytes(body[line : end.start()]).count(b'"')
        if quotes % 2 == 0:
            return bytes(body[start : end.start()])
        line = end.end()
    return bytes(body[start:])


class CsvSource:
    """A body as a file, for pandas, which takes bytes as they are from a reader that is none of
    Python's own; those it would decode and encode again.

    Args:
        header: comes before the body.
    """

    def __init__(self, body: Body, header: bytes = b"") -> None:
        self._view = memoryview(body)
        self._header = header
        self._position = 0

    def __iter__(self) -> Iterator[bytes]:
        """Never called: pandas asks for it only to see that this is a file."""
        raise NotImplementedError

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, b"" at the end."""
        if self._header:
            header, self._header = self._header, b""
            return header
        start, self._position = self._position, self._position + min(size, READ_AT_ONCE)
        return bytes(self._view[start : self._position])


def _read_with_pandas(
    body: Body,
    text: TextColumns | None,
    limit: int | None = None,
    nrows: int | None = None,
    **options: Any,
) -> pd.DataFrame:
    import pandas as pd

    read = cast(Any, pd.read_csv)
    try:
        # The annotations ask for more of a file than is needed.
        if text is not None:
            header = read(CsvSource(body), nrows=0).columns
            options |= text.options(header)
        frame: pd.DataFrame = read(CsvSource(body), nrows=nrows, **options)
    except UnicodeDecodeError as error:
        raise PayloadError(NOT_UTF8) from error
    except pd.errors.EmptyDataError as error:
        raise PayloadError(NO_COLUMNS) from error
    except (ValueError, OverflowError) as error:
        # The text of the error may quote the payload: only where it is, is passed on.
        if not _is_utf8(body):
            raise PayloadError(NOT_UTF8) from error
        raise PayloadError(_reason(str(error))) from error
    if nrows is not None and limit is not None and len(frame) >= nrows:
        refuse(limit)
    return frame


def _reason(error: str) -> str:
    unfit = _LONGER_ROW.search(error)
    if unfit is not None:
        return f"{UNFIT}: {unfit.group()}"
    place = _OPEN_QUOTE.search(error)
    return UNREADABLE if place is None else f"{UNREADABLE}: {place.group()}"


def _is_utf8(body: Body) -> bool:
    try:
        str(body, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
