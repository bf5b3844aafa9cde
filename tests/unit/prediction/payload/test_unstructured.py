"""What a score_unstructured hook is given, and what becomes of what it returns."""

from __future__ import annotations

import pytest

from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.model.predictor import UnstructuredReply
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.unstructured import (
    NOTHING,
    Query,
    encode_reply,
    read_unstructured,
    read_unstructured_file,
    unstructured_response,
)


@pytest.mark.parametrize(
    ("content_type", "data", "mimetype", "charset"),
    [
        ("", "é", "text/plain", "utf-8"),
        ("text/csv", "é", "text/csv", "utf-8"),
        ("Text/CSV", "é", "Text/CSV", "utf-8"),
        ("application/json", "é", "application/json", "utf-8"),
        ("text/plain; charset=latin-1", "Ã©", "text/plain", "latin-1"),
        ("image/png", b"\xc3\xa9", "image/png", None),
        ("image/png; charset=x", b"\xc3\xa9", "image/png", "x"),
        ("multipart/form-data; boundary=b", b"\xc3\xa9", "multipart/form-data", None),
    ],
)
def test_type_of_the_data(
    content_type: str, data: str | bytes, mimetype: str, charset: str | None
) -> None:
    request = PredictRequest(body="é".encode(), content_type=content_type)
    found, keywords = read_unstructured(request)
    assert found == data
    assert keywords["mimetype"] == mimetype
    assert keywords.get("charset") == charset
    assert ("charset" in keywords) == (charset is not None)


def test_a_view_of_a_body_becomes_bytes() -> None:
    request = PredictRequest(body=memoryview(b"\x00\xff"), content_type="image/png")
    assert type(read_unstructured(request)[0]) is bytes


def test_headers_are_spelled_as_hooks_know_them() -> None:
    _, keywords = read_unstructured(PredictRequest(headers={"x-forwarded-for": "me"}))
    assert keywords["headers"] == {"X-Forwarded-For": "me"}


@pytest.mark.parametrize(
    ("body", "charset"),
    [(b"\xff", "utf-8"), (b"x", "no-such"), (b"x", "hex"), (b"x", "undefined"), (b"x", "a\0")],
)
def test_text_that_cannot_be_decoded(body: bytes, charset: str) -> None:
    with pytest.raises(PayloadError):
        read_unstructured(PredictRequest(body, f"text/plain; charset={charset}"))


def test_query() -> None:
    query = Query("a=1&a=2&b=x%20y&empty=&plus=1+1")
    assert query == {"a": "1", "b": "x y", "empty": "", "plus": "1 1"}
    assert query.getlist("a") == ["1", "2"]
    assert query.getlist("c") == []
    assert query.get("a", type=int) == 1
    assert query.get("b", 0, type=int) == 0
    assert query.get("c", "default") == "default"
    assert query.to_dict(flat=False)["a"] == ["1", "2"]
    assert query.to_dict() == dict(query)


def test_file_of_the_score_command() -> None:
    data, keywords = read_unstructured_file("é".encode(), None, "a=1&b=2")
    assert data == "é"
    assert keywords == {"mimetype": "text/plain", "charset": "utf-8", "query": {"a": "1", "b": "2"}}
    assert type(keywords["query"]) is dict
    for named in ("text/plain", "application/json"):
        _, keywords = read_unstructured_file(b"{}", named, None)
        assert keywords == {"mimetype": named, "charset": "utf-8", "query": {}}
    data, keywords = read_unstructured_file(b"\xff", "image/png", None)
    assert (data, keywords) == (b"\xff", {"mimetype": "image/png", "query": {}})


@pytest.mark.parametrize(
    ("reply", "body", "content_type"),
    [
        (UnstructuredReply("é"), "é".encode(), "text/plain; charset=utf-8"),
        (UnstructuredReply(None), b"", "text/plain; charset=utf-8"),
        (UnstructuredReply(b"\xff"), b"\xff", "application/octet-stream"),
        (UnstructuredReply(b"\xff", "image/png"), b"\xff", "image/png"),
        (UnstructuredReply("é", "text/html", "latin-1"), b"\xe9", "text/html; charset=latin-1"),
    ],
)
def test_reply_becomes_the_answer(reply: UnstructuredReply, body: bytes, content_type: str) -> None:
    response = unstructured_response(reply)
    assert (response.status, response.body, response.content_type) == (200, body, content_type)


@pytest.mark.parametrize(
    "reply",
    [
        UnstructuredReply("é", charset="ascii"),
        UnstructuredReply("x", charset="no-such"),
        UnstructuredReply("x", mimetype="text/plain\r\nX-Evil: 1"),
        UnstructuredReply("x", mimetype="téxt/plain"),
    ],
)
def test_reply_that_cannot_be_sent(reply: UnstructuredReply) -> None:
    with pytest.raises(ModelError):
        unstructured_response(reply)


def test_nothing_has_a_text_of_its_own_in_files() -> None:
    assert encode_reply(UnstructuredReply(None), NOTHING) == NOTHING.encode()
    assert encode_reply(UnstructuredReply(""), NOTHING) == b""
