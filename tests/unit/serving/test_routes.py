"""HTTP as data: paths, request ids, the Allow header."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.operations import Operation
from datarobot_drum.drum.serving import routes

visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)


@given(visible)
def test_a_visible_id_is_kept(sent: str) -> None:
    assert routes.request_id(sent) == sent


@given(st.text(min_size=1).filter(lambda text: not re.fullmatch(r"[!-~]{1,128}", text)))
def test_any_other_id_is_replaced(sent: str) -> None:
    assert uuid.UUID(routes.request_id(sent)).version == 4


@pytest.mark.parametrize("sent", [None, ""])
def test_no_id_gets_a_new_one(sent: str | None) -> None:
    made = {routes.request_id(sent) for _ in range(100)}
    assert len(made) == 100
    for each in made:
        parsed = uuid.UUID(each)
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)
        assert str(parsed) == each


@pytest.mark.parametrize(
    ("path", "both"),
    [
        ("/", ("/",)),
        ("/ping/", ("/ping", "/ping/")),
        ("/invocations", ("/invocations", "/invocations/")),
        ("/a/b", ("/a/b", "/a/b/")),
    ],
)
def test_spellings(path: str, both: tuple[str, ...]) -> None:
    assert routes.spellings(path) == both


def test_no_address_has_two_meanings() -> None:
    addresses = [(route.method, path) for route, path in routes.prefixed("/pre")]
    assert len(addresses) == len(set(addresses))
    assert all(path.startswith("/pre") for _, path in addresses)


def test_every_operation_has_an_address() -> None:
    assert {route.operation for route in routes.ROUTES} == set(Operation)


def test_head_comes_with_get() -> None:
    assert routes.allowed_methods(["GET"]) == "GET, HEAD, OPTIONS"
    assert routes.allowed_methods(["POST"]) == "OPTIONS, POST"


@pytest.mark.parametrize(
    ("path", "sent", "found"),
    [
        ("/v2/models/{name}", "/v2/models/m", {"name": "m"}),
        ("/v2/models/{name}", "/v2/models/m/x", None),
        ("/v2/models/{name}", "/v2/models/", None),
        ("/nim/{path:path}", "/nim/a/b/", {"path": "a/b/"}),
        ("/nim/{path:path}", "/nim/", None),
        ("/a.b/{name}", "/aXb/m", None),
    ],
)
def test_placeholders(path: str, sent: str, found: dict[str, str] | None) -> None:
    match = routes.pattern(path).fullmatch(sent)
    assert (match and match.groupdict()) == found
