"""A file of rows, and a large CSV file read a piece at a time.

Only where that gives what ``read_csv`` makes of the whole: everything else is read whole.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.payload.csv.dialect import refuses_in_every_chunk
from datarobot_drum.drum.prediction.payload.csv.floats import read_header_line
from datarobot_drum.drum.prediction.payload.csv.reader import READ_AT_ONCE, read_csv
from datarobot_drum.drum.prediction.payload.csv.rows import first_row_fits
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns

if TYPE_CHECKING:
    import pandas as pd

# Bytes: a second copy of less is not worth sparing, and faster ways read it.
_LARGE: Final = 1024 * 1024


def read_file(path: str) -> bytes:
    """The whole content.

    Raises:
        PayloadError: it cannot be read.
    """
    with _readable(path):
        return Path(path).read_bytes()


def read_csv_file(path: str, text: TextColumns | None = None) -> pd.DataFrame:
    """What ``read_csv`` makes of the content of a file, which is not held where that can be.

    Args:
        path: of a large file; no pipe, which could not be read again.
        text: columns that are read as text whatever stands in them.

    Raises:
        PayloadError: it cannot be read, or as ``read_csv`` does.
    """
    with _readable(path), open(path, "rb") as file:
        frame = _read_in_pieces(file, text)
    return read_csv(read_file(path), text) if frame is None else frame


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PayloadError(f"The file {path} cannot be read: {error.strerror}") from error


def is_large(path: str) -> bool:
    """Whether the content is worth not to be held; never of a pipe."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > _LARGE


def _read_in_pieces(file: BinaryIO, text: TextColumns | None) -> pd.DataFrame | None:
    """None: not well formed, or only a look at the whole tells what it means."""
    import pandas as pd

    header = read_header_line(file.readline(_LARGE))
    # In a table of one column blank lines count.
    if header is None or len(header.names) < 2 or not refuses_in_every_chunk():
        return None
    # A longer first row would be taken for one with an index; longer later ones are refused.
    start = file.read(_LARGE)
    if not first_row_fits(start, len(header.names), cut_off=bool(file.read(1))):
        return None
    file.seek(0)
    options = {} if text is None else text.options(header.names)
    try:
        # The annotations ask for more of a file than is needed.
        frame: pd.DataFrame = cast(Any, pd.read_csv)(_Source(file), **options)
    except (ValueError, OverflowError):
        return None
    return frame


class _Source:
    """For pandas, which takes bytes as they are from a reader that is none of Python's own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        """Never called: pandas asks for it only to see that this is a file."""
        raise NotImplementedError

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, b"" at the end."""
        return self._file.read(min(size, READ_AT_ONCE))
