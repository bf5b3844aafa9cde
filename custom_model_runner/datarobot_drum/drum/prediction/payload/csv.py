"""CSV, read as ``pandas.read_csv`` reads it by default."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.csv_small import read_small_csv

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import WriteableBuffer

NOT_UTF8 = "Supplied CSV input file encoding must be UTF-8."
NO_COLUMNS = "No columns to parse from file"
UNREADABLE = "Pandas failed to read input binary data"


def read_csv(body: Body) -> pd.DataFrame:
    """Read a CSV body as ``pandas.read_csv`` would: UTF-8, its dtypes, its missing values.

    Blank lines are skipped, but in a table of one column they are missing values.

    Raises:
        PayloadError: not UTF-8, no header, or rows that do not fit together.
    """
    small = read_small_csv(body)
    if small is not None:
        return small
    frame = _read_with_pandas(body, skip_blank_lines=True)
    if frame.shape[1] == 1:
        return _read_with_pandas(body, skip_blank_lines=False)
    return frame


class _ViewReader(io.RawIOBase):
    """Reads from a view; BytesIO would copy all of it first."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        chunk = self._view[self._position : self._position + len(memoryview(buffer))]
        memoryview(buffer)[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def _open(body: Body) -> io.BufferedIOBase:
    if isinstance(body, memoryview):
        return io.BufferedReader(_ViewReader(body))
    return io.BytesIO(body)


def _read_with_pandas(body: Body, skip_blank_lines: bool) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(_open(body), skip_blank_lines=skip_blank_lines)
    except UnicodeDecodeError as error:
        raise PayloadError(NOT_UTF8) from error
    except pd.errors.EmptyDataError as error:
        raise PayloadError(NO_COLUMNS) from error
    except (ValueError, OverflowError) as error:
        # The text of the error may quote the payload.
        raise PayloadError(UNREADABLE) from error
