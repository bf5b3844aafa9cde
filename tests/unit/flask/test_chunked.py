"""Chunked bodies as the flask server reads them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.flask.chunked import ChunkedInput


def read(data: bytes, piece: int = -1) -> bytes:
    stream = ChunkedInput(io.BytesIO(data))
    if piece < 0:
        return stream.read()
    return b"".join(iter(lambda: stream.read(piece), b""))


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 30), st.booleans())
def test_chunks_make_the_body(chunks: list[bytes], piece: int, upper: bool):
    sizes = [f"{len(chunk):{'X' if upper else 'x'}}".encode() for chunk in chunks]
    data = b"".join(b"%b;x=y\r\n%b\r\n" % pair for pair in zip(sizes, chunks, strict=True))
    whole = data + b"0\r\nTrailer: a\r\n\r\n"
    assert read(whole) == read(whole, piece) == b"".join(chunks)


def test_what_follows_is_left_alone():
    source = io.BytesIO(b"1\r\na\r\n0\r\n\r\nGET")
    assert ChunkedInput(source).read() == b"a"
    assert source.read() == b"GET"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ffffffff\r\na,b\n",
        b"ffffffffffffffff\r\na,b\n",
        b"2\r\nab",
        b"2\r\nab\r\n",
        b"2\r\nab\r\n0\r\n",
        b"2\r\nabc\r\n0\r\n\r\n",
        b"-1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"+1\r\na\r\n",
        b"\r\na\r\n",
        b"1" * 5000 + b"\r\n",
        b"0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    ],
)
def test_broken_chunks_end_the_reading(data: bytes):
    with pytest.raises((ValueError, EOFError)):
        read(data)
