"""What a table of Arrow takes as a frame, told from its types and lengths before it is made.

Nulls, runs, dictionaries and views stand for more than they take themselves.
"""

from __future__ import annotations

from typing import Any, Final

from datarobot_drum.drum.prediction.payload.decoded import CELL, COLUMN, TEXT

# Bytes of what has no dtype in numpy: a date, a list's array, a row's dict.
_OBJECT: Final = 128
_INTERVAL: Final = 1024
# Elements looked at together.
_AT_ONCE: Final = 65_536


def frame_size(arrow: Any, table: Any) -> int:
    """Bytes that the frame of a valid table takes."""
    if not table.num_columns:
        return int(table.num_rows) * CELL
    return len(table.columns) * COLUMN + sum(_column(arrow, column) for column in table.columns)


def _column(arrow: Any, column: Any) -> int:
    if _is_plain(arrow.types, column.type):
        return len(column) * CELL
    return sum(_size(arrow, chunk) for chunk in column.chunks)


def views_size(arrow: Any, table: Any) -> int:
    """Bytes of texts of which each says where it is, maybe all of them the same place.

    To be asked before all of them are looked at.
    """
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    return sum(_views(arrow, chunk) for chunk in chunks)


def _views(arrow: Any, array: Any) -> int:
    kind, types = array.type, arrow.types
    if _is_view(types, kind):
        return _lengths_of_views(array)
    return sum(_views(arrow, child) for child in _children(arrow, array))


def _children(arrow: Any, array: Any) -> list[Any]:
    kind, types = array.type, arrow.types
    if isinstance(kind, arrow.BaseExtensionType):
        return [array.storage]
    if types.is_dictionary(kind):
        return [array.dictionary]
    if types.is_struct(kind):
        return [array.field(number) for number in range(kind.num_fields)]
    if types.is_map(kind):
        return [array.keys, array.items]
    if types.is_run_end_encoded(kind) or _is_list(types, kind):
        return [array.values]
    return []


def _is_list(types: Any, kind: Any) -> bool:
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or _is_list_view(types, kind)
    )


def _is_view(types: Any, kind: Any) -> bool:
    return bool(types.is_string_view(kind) or types.is_binary_view(kind))


def _is_list_view(types: Any, kind: Any) -> bool:
    return bool(types.is_list_view(kind) or types.is_large_list_view(kind))


def _size(arrow: Any, array: Any) -> int:
    kind, types, rows = array.type, arrow.types, len(array)
    if isinstance(kind, arrow.BaseExtensionType):
        return _size(arrow, array.storage)
    if _is_plain(types, kind):
        return rows * CELL
    if types.is_dictionary(kind):
        return _repeated(arrow, array.dictionary, rows, lambda: _by_index(arrow, array))
    if types.is_run_end_encoded(kind):
        return _repeated(arrow, array.values, rows, lambda: _by_run(arrow, array))
    lengths = _text_lengths(arrow, array)
    if lengths is not None:
        return rows * TEXT + lengths
    if types.is_interval(kind):
        return rows * _INTERVAL
    inside = sum(_size(arrow, child) for child in _children(arrow, array))
    if _is_list_view(types, kind):
        # They may overlap, and each be as large as what they are views of.
        times = min(rows, int(arrow.compute.sum(array.sizes).as_py() or 0))
        inside *= max(1, times)
    return rows * _OBJECT + inside


def _is_plain(types: Any, kind: Any) -> bool:
    """Of one cell, whatever is in it; decimals become floats."""
    return bool(
        types.is_floating(kind)
        or types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
        or types.is_decimal(kind)
    )


def _text_lengths(arrow: Any, array: Any) -> int | None:
    """Bytes of all texts; None: they are none."""
    import numpy as np

    kind, types = array.type, arrow.types
    if _is_view(types, kind):
        return _lengths_of_views(array)
    if types.is_fixed_size_binary(kind):
        return len(array) * int(kind.byte_width)
    small = types.is_string(kind) or types.is_binary(kind)
    if not (small or types.is_large_string(kind) or types.is_large_binary(kind)):
        return None
    if not len(array):
        return 0
    offsets = np.frombuffer(array.buffers()[1], np.int32 if small else np.int64)
    return int(offsets[array.offset + len(array)]) - int(offsets[array.offset])


def _lengths_of_views(array: Any) -> int:
    import numpy as np

    if not len(array):
        return 0
    # Four numbers of four bytes each: the first one is the length.
    views = np.frombuffer(array.buffers()[1], np.int32)[::4]
    return int(views[array.offset : array.offset + len(array)].sum(dtype=np.int64))


def _repeated(arrow: Any, values: Any, rows: int, lengths: Any) -> int:
    """Of values that are there once, and stand in many rows."""
    kind = values.type
    if _is_plain(arrow.types, kind):
        return rows * CELL
    most = _size(arrow, values)
    text = _text_lengths(arrow, values)
    if text is None:
        return rows * most
    # Python has each of them once.
    return most + rows * CELL + (lengths() if len(values) > 1 else rows * text)


def _lengths(arrow: Any, values: Any) -> Any:
    """The length of each text."""
    import numpy as np

    if arrow.types.is_fixed_size_binary(values.type):
        return np.full(len(values), values.type.byte_width, np.int64)
    if _is_view(arrow.types, values.type):
        views = np.frombuffer(values.buffers()[1], np.int32)[::4]
        return views[values.offset : values.offset + len(values)].astype(np.int64)
    lengths = arrow.compute.binary_length(values).fill_null(0)
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def _by_index(arrow: Any, array: Any) -> int:
    lengths, indices, total = _lengths(arrow, array.dictionary), array.indices, 0
    for start in range(0, len(indices), _AT_ONCE):
        some = indices.slice(start, _AT_ONCE).drop_null()
        total += int(lengths[some.to_numpy(zero_copy_only=False)].sum())
    return total


def _by_run(arrow: Any, array: Any) -> int:
    import numpy as np

    ends = array.run_ends.to_numpy(zero_copy_only=False).astype(np.int64)
    runs = np.diff(np.clip(ends - array.offset, 0, len(array)), prepend=0)
    return int((runs * _lengths(arrow, array.values)).sum())
