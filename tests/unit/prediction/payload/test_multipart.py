"""Forms: parts are slices, and whatever is wrong with a body is a 422."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.payload.multipart import Part, parse_multipart

TYPE = "multipart/form-data; boundary=zz"


def _part(disposition: str, data: bytes, extra: str = "") -> bytes:
    headers = f"--zz\r\nContent-Disposition: {disposition}\r\n{extra}\r\n"
    return headers.encode() + data + b"\r\n"


def _parse(*parts: bytes) -> list[Part]:
    return parse_multipart(b"".join(parts) + b"--zz--\r\n", TYPE)


def test_file_and_field() -> None:
    parts = _parse(
        _part('form-data; name="X"; filename="a.csv"', b"a,b\n1,2\n", "Content-Type: text/csv\r\n"),
        _part("form-data; name=note", b"hello"),
    )
    assert parts == [
        Part("X", "a.csv", "text/csv", b"a,b\n1,2\n"),
        Part("note", None, "", b"hello"),
    ]


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('form-data; name="X"; filename=""', "X", ""),
        ("FORM-DATA; NAME=X; FILENAME=a.mtx", "X", "a.mtx"),
        (r'form-data; name="a\"b"; filename="c\\d"', 'a"b', "c\\d"),
        (r'form-data; name="X"; filename="C:\data\x.mtx"', "X", r"C:\data\x.mtx"),
        ('form-data; name="X"; filename="é.csv"', "X", "é.csv"),
        ("form-data; name=\"X\"; filename*=UTF-8''%e2%82%ac.mtx", "X", "€.mtx"),
        ('form-data; name="X"; filename="b"; filename*=utf-8\'en\'a.mtx', "X", "a.mtx"),
        ('form-data; name="X"; filename="b"; filename*=broken', "X", "b"),
        ('form-data; name="X"; filename="b"; filename*=nope\'\'a', "X", "b"),
        ('form-data; name="x;y"; filename="a=b;c"', "x;y", "a=b;c"),
        ('form-data;\r\n name="X"', "X", None),
    ],
)
def test_names(disposition: str, name: str, filename: str | None) -> None:
    (part,) = _parse(_part(disposition, b"1"))
    assert (part.name, part.filename) == (name, filename)


@pytest.mark.parametrize(
    "body",
    [
        b'--zz\nContent-Disposition: form-data; name="X"\n\ndata\n--zz--',
        b'preamble\r\n--zz\r\nContent-Disposition: form-data; name="X"\r\n\r\ndata\r\n--zz--tail',
        b'--zz  \r\nContent-Disposition: form-data; name="X"\r\n\r\ndata\r\n--zz--  \r\nepilogue',
    ],
)
def test_tolerated_forms(body: bytes) -> None:
    assert parse_multipart(body, TYPE) == [Part("X", None, "", b"data")]
    assert parse_multipart(memoryview(body), TYPE) == [Part("X", None, "", b"data")]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\n", b"--z", b"--zzz\r\n", b"a--zz\r\nb", b"\r"])
def test_data_that_looks_like_a_boundary(data: bytes) -> None:
    (part,) = _parse(_part('form-data; name="X"', data))
    assert part.data == data


def test_no_data_and_no_line_end_either() -> None:
    body = b'--zz\r\nContent-Disposition: form-data; name="X"\r\n\r\n--zz--'
    assert parse_multipart(body, TYPE) == [Part("X", None, "", b"")]


def test_large_parts_are_not_copied() -> None:
    data = b"1.5\n" * 50_000
    body = _part('form-data; name="X"; filename="a"', data) + b"--zz--"
    (part,) = parse_multipart(body, TYPE)
    assert isinstance(part.data, memoryview)
    assert part.data.obj is body
    assert part.data == data


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("multipart/form-data", b"--zz--", "boundary"),
        ("multipart/form-data; boundary=", b"--zz--", "boundary"),
        (TYPE, b"a,b\n1,2\n", "closing boundary"),
        (TYPE, _part('form-data; name="X"', b"1"), "closing boundary"),
        (TYPE, _part('form-data; name="X"', b"1")[:-8], "closing boundary"),
        (TYPE, b'--zz\r\nContent-Disposition: form-data; name="X"', "closing boundary"),
        (TYPE, b'--zz\r\nContent-Disposition: form-data; name="X"\r\n--zz--', "blank line"),
        (TYPE, _part('form-data; filename="X"', b"1") + b"--zz--", "no name"),
        (TYPE, b"--zz\r\n\r\n1\r\n--zz--", "blank line"),
        (TYPE, _part("form-data; name=a", b"") * 1001 + b"--zz--", "more than 1000 parts"),
        (TYPE, _part("form-data; name=" + "a" * 20_000, b"1") + b"--zz--", "blank line"),
    ],
)
def test_malformed(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        parse_multipart(body, content_type)


@given(st.binary(max_size=200), st.text(max_size=30))
def test_garbage_is_refused_and_never_crashes(body: bytes, parameters: str) -> None:
    with pytest.raises(PayloadError):
        parse_multipart(body, f"multipart/form-data; {parameters}")


PIECES = st.lists(
    st.sampled_from(
        [
            b"--zz",
            b"--",
            b"\r\n",
            b"\n",
            b"\r",
            b'Content-Disposition: form-data; name="X"',
            b'; filename="f"',
            b"Content-Type: text/csv",
            b"zz",
            b" ",
            b":",
            b"data",
            b"--zz--",
            b'"',
        ]
    ),
    max_size=25,
).map(b"".join)


@given(PIECES)
def test_nearly_good_bodies_are_read_or_refused(body: bytes) -> None:
    for form in (body, memoryview(body)):
        try:
            parts = parse_multipart(form, TYPE)
        except PayloadError:
            continue
        assert all(isinstance(part.name, str) for part in parts)


FIELD_NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1)


@given(st.lists(st.tuples(FIELD_NAMES, st.none() | FIELD_NAMES, st.binary()), max_size=4))
def test_agrees_with_werkzeug(fields: list[tuple[str, str | None, bytes]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    body = b""
    for name, filename, data in fields:
        disposition = f"form-data; name={quoted(name)}"
        if filename is not None:
            disposition += f"; filename={quoted(filename)}"
        body += _part(disposition, data)
    body += b"--zz--\r\n"
    environ = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": TYPE,
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ, stream_factory=lambda *_, **__: io.BytesIO())
    parts = parse_multipart(body, TYPE)
    mine = [(part.name, part.filename, part.data) for part in parts if part.filename is not None]
    theirs = [(name, file.filename, file.read()) for name, file in files.items(multi=True)]
    assert sorted(mine) == sorted(theirs)
    assert len(parts) - len(mine) == len(list(form.items(multi=True)))
