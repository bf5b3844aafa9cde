"""What the messages of an Arrow IPC stream take once they are decompressed, as they say themselves.

pyarrow decompresses a batch when it is asked for it, and has no limit. The size of each compressed
buffer stands in front of it, and pyarrow refuses a buffer that turns out to have another.
Layout: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from datarobot_drum.drum.prediction.messages import Body
from datarobot_drum.drum.prediction.payload.decoded import check_decoded

# How a compressed buffer begins: frames of Zstandard and of LZ4.
_MAGIC: Final = (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
# Bytes: in what is smaller, nothing but compression makes much of little.
SMALL: Final = 64 * 1024
_DICTIONARY: Final = 2
_BATCH: Final = 3


class _Batch(NamedTuple):
    """Bytes when decompressed, and the dictionary that it adds to, if it does."""

    size: int
    extends: int | None = None


def check_messages(arrow: Any, body: Body, limit: int | None) -> None:
    """Refuse a stream whose messages take more than the limit.

    Raises:
        BodyTooLargeError: they do.
        struct.error, pyarrow.ArrowException: it is no such stream.
    """
    if limit is None or not _may_grow(body):
        return
    total = 0
    # Each batch after an addition has a copy of the dictionary so far.
    dictionaries: dict[int, int] = {}
    for message in arrow.ipc.MessageReader.open_stream(arrow.py_buffer(body)):
        batch = _batch(message)
        if batch is None:
            continue
        total += batch.size
        if batch.extends is not None:
            known = dictionaries.get(batch.extends, 0)
            dictionaries[batch.extends] = known + batch.size
            total += known
        check_decoded(total, limit)


def _may_grow(body: Body) -> bool:
    if len(body) > SMALL:
        return True
    data = bytes(body)
    return any(magic in data for magic in _MAGIC)


class _Table:
    """A table of FlatBuffers: fields by their number."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._slots = position - _unpack("<i", data, position)
        self._size = _unpack("<H", data, self._slots)

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return 0 if place is None else _unpack(form, self._data, place)

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        return None if place is None else _Table(self._data, self._target(place))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """A vector of structs of two int64."""
        place = self._place(field)
        if place is not None:
            start = self._target(place)
            for number in range(_unpack("<I", self._data, start)):
                yield struct.unpack_from("<qq", self._data, start + 4 + 16 * number)

    def _place(self, field: int) -> int | None:
        slot = 4 + 2 * field
        offset = _unpack("<H", self._data, self._slots + slot) if slot < self._size else 0
        return self._position + offset if offset else None

    def _target(self, place: int) -> int:
        return place + _unpack("<I", self._data, place)


def _unpack(form: str, data: Any, position: int) -> int:
    if position < 0:
        raise struct.error("an offset before the start")
    (value,) = struct.unpack_from(form, data, position)
    return int(value)


def _batch(message: Any) -> _Batch | None:
    metadata = message.metadata.to_pybytes()
    root = _Table(metadata, _unpack("<I", metadata, 0))
    kind, header = root.number(1, "<B"), root.table(2)
    if header is None or kind not in (_DICTIONARY, _BATCH):
        return None
    if kind == _BATCH:
        return _Batch(_size(header, message.body))
    values = header.table(1)
    size = 0 if values is None else _size(values, message.body)
    return _Batch(size, header.number(0, "<q") if header.number(2, "<B") else None)


def _size(batch: _Table, body: Any) -> int:
    """Bytes of the batch's buffers."""
    if batch.table(3) is None:
        return 0 if body is None else int(body.size)
    view = memoryview(b"" if body is None else body)
    total = 0
    for offset, length in batch.pairs(2):
        if length >= 8:
            announced = _unpack("<q", view, offset)
            total += length if announced < 0 else announced
    return total
