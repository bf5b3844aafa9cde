"""Content-Type headers, good and bad."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.messages import (
    ContentType,
    parse_content_type,
    parse_header,
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ContentType("", "")),
        ("text/csv", ContentType("text/csv", "text/csv")),
        (" Text/CSV ; charset=UTF8", ContentType("Text/CSV", "text/csv", "UTF8")),
        ('text/csv; charset="latin-1"', ContentType("text/csv", "text/csv", "latin-1")),
        ("text/csv;charset=", ContentType("text/csv", "text/csv")),
        ("text/csv; charset", ContentType("text/csv", "text/csv")),
        ("text/csv;;; ; charset=a; charset=b", ContentType("text/csv", "text/csv", "a")),
        (
            'multipart/form-data; Boundary="a b;c"',
            ContentType("multipart/form-data", "multipart/form-data", None, "a b;c"),
        ),
    ],
)
def test_parse(header: str, expected: ContentType) -> None:
    assert parse_content_type(header) == expected


def test_quoted_text_may_hold_anything() -> None:
    parameters = parse_header(r'x; a="1;b=2"; c="say \"hi\""; d=\e').parameters
    assert parameters == {"a": "1;b=2", "c": 'say "hi"', "d": r"\e"}


@given(st.text(max_size=400))
def test_garbage_is_no_error(header: str) -> None:
    parsed = parse_content_type(header)
    assert parsed.mimetype == parsed.sent.lower()
    assert ";" not in parsed.sent


# How it was read before: the same, but with time that grows with the square of the length.
SEARCHED = re.compile(r';[\s;]*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.DOTALL)


@given(
    st.lists(
        st.sampled_from([";", ";;", '"', "\\", '\\"', "=", " ", "\t", "a", "Name", "é", "b=1"])
    ).map("".join)
)
@example('; a="\\";b="x\\\\"; c = "d')
def test_parameters_are_what_a_search_finds(text: str) -> None:
    expected: dict[str, str] = {}
    for name, quoted, token in SEARCHED.findall(";" + text):
        value = re.sub(r'\\(["\\])', r"\1", quoted) if quoted else token
        expected.setdefault(name.lower(), value)
    assert parse_header(f"main;{text}").parameters == expected


@pytest.mark.parametrize(
    "piece", [";", "; ", " ", ";a", ";a ", ";a=", ';a="', ';a="\\"', '\\"', "a;=", '"', ',;q="']
)
def test_a_header_of_any_kind_is_read_in_time(piece: str) -> None:
    """With the square of its length it would take an hour."""
    text = piece * (400_000 // len(piece))
    assert parse_header("text/csv;" + text).value == "text/csv"
    assert parse_content_type("text/csv;" + text + "x").mimetype == "text/csv"
