"""What a Parquet file takes once it is read, judged from its footer and the headers of its pages.

The footer says how many rows there are, and may lie; the pages say what they become when they are
decompressed, and which of them refer to a dictionary. pyarrow goes by both, and has no limit.
Layout: https://github.com/apache/parquet-format
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.decoded import CELL, COLUMN, TEXT, check_decoded

# Bytes: what a page takes beside its values; a file may have many.
_PAGE: Final = 1024
# At most so many times larger are what these have compressed: enough to know of a small file.
_WEAK_CODECS: Final = frozenset({"UNCOMPRESSED", "SNAPPY"})
_WEAKLY: Final = 32
_SMALL: Final = 1024
_TEXT_TYPE: Final = "BYTE_ARRAY"
_FIXED_TYPE: Final = "FIXED_LEN_BYTE_ARRAY"
_DECIMAL: Final = "DECIMAL"
_DICTIONARY_PAGE: Final = 2
# Values are written as what they have in common with the one before, and the rest.
_DELTA_BYTE_ARRAY: Final = 7
# So many reads of a column's few rows take about a second.
_MOST_STEPS: Final = 20_000
_MAX_DEPTH: Final = 8

Struct: TypeAlias = "dict[int, Any]"


class _Page(NamedTuple):
    """Sizes in bytes; ``values`` of a dictionary are no values of the column."""

    size: int
    values: int
    is_dictionary: bool
    is_delta: bool


class Reading(NamedTuple):
    """How to read a file whose size only its texts tell.

    Attributes:
        dictionaries: columns to read as dictionaries, since only a look at how often each of
            their texts stands in them tells what they take; None: there are none.
        rows: so many at a time, since a text may repeat the one before without its bytes; what
            they take has to be watched. None: all at once.
    """

    dictionaries: list[str] | None
    rows: int | None


@dataclass(slots=True)
class _Total:
    """Bytes: of all but texts that are written once and stand in many rows; and of those.

    ``longest`` is that of a text that may have its bytes in common with the one before.
    """

    limit: int
    known: int = 0
    by_dictionary: int = 0
    by_delta: int = 0
    longest: int = 0

    def add(self, size: int) -> None:
        self.known += size
        check_decoded(self.known, self.limit)

    def rows_at_once(self, columns: int) -> int | None:
        if self.known + self.by_delta <= self.limit:
            return None
        # Each of the reads costs something for each column.
        check_decoded(self.by_delta * columns, self.limit * _MOST_STEPS)
        return max(1, self.limit // self.longest)


def judge_file(metadata: Any, schema: Any, body: Body, limit: int) -> Reading:
    """Judge a file before it is read.

    Args:
        metadata: the footer, as pyarrow has read it.
        schema: its columns.

    Raises:
        BodyTooLargeError: the file would take more than the limit.
        ValueError, KeyError, IndexError: it is no such file.
    """
    total = _Total(limit)
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    # Rows of groups are counted with their columns.
    grouped = sum(group.num_rows for group in groups) if metadata.num_columns else 0
    total.add(max(metadata.num_rows - grouped, 0) * CELL + COLUMN * metadata.num_columns)
    texts: set[str] = set()
    for rows in groups:
        if rows.num_rows < 0:
            raise ValueError("a number of rows below 0")
        for number in range(metadata.num_columns):
            column = schema.column(number)
            if _add_chunk(total, rows.num_rows, rows.column(number), column, body):
                texts.add(column.path)
    return Reading(
        sorted(texts) if total.known + total.by_dictionary > limit else None,
        total.rows_at_once(metadata.num_columns),
    )


def _add_chunk(total: _Total, rows: int, chunk: Any, column: Any, body: Body) -> bool:
    """Add what a column's chunk takes; returns whether it has texts in a dictionary."""
    is_text = chunk.physical_type == _TEXT_TYPE
    if _is_small(chunk, column, body, total.limit):
        pages, size = [], _WEAKLY * max(0, min(chunk.total_compressed_size, len(body)))
    else:
        pages = list(_pages(chunk, body, total.limit))
        size = sum(page.size for page in pages)
    values = max(rows, chunk.num_values, sum(page.values for page in pages))
    if is_text:
        total.add(values * TEXT + size)
    else:
        # The bytes in the pages are gone once they are cells.
        total.add(max(values * _cell(chunk, column), size))
    total.add(len(pages) * _PAGE)
    if not is_text:
        return False
    longest = max((page.size for page in pages), default=0)
    if any(page.is_delta for page in pages):
        total.by_delta += values * longest
        total.longest = max(total.longest, longest)
    dictionary = max((page.size for page in pages if page.is_dictionary), default=0)
    total.by_dictionary += values * dictionary
    return dictionary > 0


def _is_small(chunk: Any, column: Any, body: Body, limit: int) -> bool:
    """Whether what its pages hold is next to nothing beside the limit, and needs no look."""
    is_flat = column.max_repetition_level == 0 and chunk.physical_type != _TEXT_TYPE
    return is_flat and chunk.compression in _WEAK_CODECS and len(body) * _SMALL <= limit


def _cell(chunk: Any, column: Any) -> int:
    if chunk.physical_type != _FIXED_TYPE:
        return CELL
    length: int = max(0, column.length)
    return max(CELL, length) if column.logical_type.type == _DECIMAL else TEXT + length


def _pages(chunk: Any, body: Body, limit: int) -> Iterator[_Page]:
    """The pages that pyarrow reads: those up to the last value."""
    position = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < position:
        position = chunk.dictionary_page_offset
    seen = taken = 0
    while seen < chunk.num_values:
        if not 0 <= position < len(body):
            raise IndexError("a page outside of the file")
        header = _Compact(body, position)
        page, compressed = _page(header.struct())
        # There may be so many that looking at them alone takes long.
        taken += page.size + _PAGE
        check_decoded(taken, limit)
        yield page
        seen += page.values
        position = header.position + compressed


def _page(header: Struct) -> tuple[_Page, int]:
    """A page, and its bytes in the file."""
    size, compressed = header[2], header[3]
    of_values = header.get(8) or header.get(5) or {}
    values = of_values.get(1, 0)
    if min(size, compressed, values) < 0:
        raise ValueError("a size below 0")
    encoding = of_values.get(4 if 8 in header else 2)
    page = _Page(size, values, header[1] == _DICTIONARY_PAGE, encoding == _DELTA_BYTE_ARRAY)
    return page, compressed


class _Compact:
    """Reads Thrift's compact protocol: structs as dicts by the numbers of their fields."""

    def __init__(self, data: Body, position: int) -> None:
        self._data = data
        self.position = position

    def struct(self, depth: int = 0) -> Struct:
        if depth > _MAX_DEPTH:
            raise ValueError("too deep")
        fields: Struct = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._signed()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                self.position += 8
                return None
            case 8:
                # Read before it is added to where the reading has come to.
                length = self._varint()
                self.position += length
                return None
            case 12:
                return self.struct(depth + 1)
        # No header of a page has lists.
        raise ValueError("an unknown field")

    def _byte(self) -> int:
        value = self._data[self.position]
        self.position += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
