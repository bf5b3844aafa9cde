"""How much memory a body may become once it is read: bounded by what it is, judged before it is.

A few bytes may stand for any number of rows: a null column of Arrow, a run of Parquet, records
of JSON with keys of their own. Every reader says what a table would take before it makes it.
"""

from __future__ import annotations

from typing import Final, NoReturn

from datarobot_drum.drum.exceptions import BodyTooLargeError
from datarobot_drum.drum.knobs.predicting import MAX_DECODED

# Bytes. A number, a point in time, or the reference to a text.
CELL: Final = 8
# What Python needs for a text beside its characters.
TEXT: Final = 32
# A number of an answer, and its text while it is written.
ANSWER: Final = 48
# What pandas needs for a column beside its cells.
COLUMN: Final = 1024


def table_size(rows: int, columns: int) -> int:
    """What a table of numbers takes. Rows without columns count: each of them has an answer."""
    return columns * COLUMN + rows * max(columns, 1) * CELL


def check_decoded(size: int, limit: int | None) -> None:
    """Refuse what is more than the limit; None: there is none.

    Raises:
        BodyTooLargeError: it is; the text is the same for all formats.
    """
    if limit is not None and size > limit:
        refuse(limit)


def check_answers(rows: int, width: int, limit: int | None) -> None:
    """Refuse rows whose answer alone would take too much.

    Args:
        width: numbers of the answer for each row.

    Raises:
        BodyTooLargeError: it would.
    """
    check_decoded(rows * width * ANSWER, limit)


def refuse(limit: int) -> NoReturn:
    raise BodyTooLargeError(
        f"The rows take more than the {limit} bytes that a body of this size may become once it is"
        f" read ({MAX_DECODED}). Send fewer rows or columns at a time."
    )
