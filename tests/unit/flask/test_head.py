"""Heads that the table of `tests/servers/test_framing.py` does not have."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.flask.head import Head, HeadError, read_head
from datarobot_drum.drum.masking import hide

LINE = b"GET / HTTP/1.1\r\n"
HOST = b"Host: x\r\n"


def read(data: bytes) -> Head:
    source = io.BytesIO(data)
    return read_head(source.readline(), source)


@pytest.mark.parametrize("data", [b"GET /pi", LINE, LINE + b"Host: x\r\n", LINE + b"Ho", b"\r\n"])
def test_half_a_head_is_none(data: bytes) -> None:
    with pytest.raises(EOFError):
        read(data)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (LINE + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (LINE + b"X: a\r\n" * 101 + b"\r\n", 431),
        (LINE + b"X: a\n\r\n", 400),
        (b"GET / HTTP/1.1\n\r\n", 400),
    ],
)
def test_what_is_too_long_says_so(data: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        read(data)
    assert caught.value.status == status


def test_a_head_is_read_to_its_end_and_no_further() -> None:
    source = io.BytesIO(LINE + HOST + b"X-One:\t\xe4 b \r\nx-one: c\r\n\r\nbody")
    head = read_head(source.readline(), source)

    assert (head.method, head.target, head.version) == ("GET", "/", "HTTP/1.1")
    assert head.headers.items() == [("Host", "x"), ("X-One", "ä b"), ("x-one", "c")]
    assert source.read() == b"body"


@pytest.mark.parametrize("name", ["Authorization ", "X\x1b"])
def test_the_reason_repeats_no_value(name: str) -> None:
    with pytest.raises(HeadError) as caught:
        read(LINE + name.encode() + b": Bearer secret\r\n\r\n")
    assert "secret" not in str(caught.value)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_comes_is_a_head_or_refused(line: bytes, headers: bytes) -> None:
    try:
        head = read(line + b"\r\n" + headers + b"\r\n\r\n")
    except (HeadError, EOFError):
        return
    assert head.target.isascii() and head.target.isprintable()
    assert all(name.isascii() for name in head.headers)


@pytest.mark.parametrize(
    "head",
    [
        b"GET  /%s HTTP/1.1\r\n",
        b"GET p%s HTTP/1.1\r\n",
        b"GET http://[%s HTTP/1.1\r\n",
        LINE + b"a b%s\r\n",
        LINE + HOST + b"Content-Length: x%s\r\n\r\n",
        LINE + HOST + b"Transfer-Encoding: x%s\r\n\r\n",
    ],
)
def test_what_is_told_of_a_head_holds_no_half_of_a_secret(head: bytes) -> None:
    hide(["the-hidden-one-of-ours"])
    for before in range(170, 210, 3):
        with pytest.raises(HeadError) as caught:
            read(head % (b"p" * before + b"the-hidden-one-of-ours"))
        assert "the-" not in str(caught.value)
