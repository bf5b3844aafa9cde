"""Pages of other origins: who may call, and with what."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.serving import AccessSettings
from datarobot_drum.drum.serving.gate import Gate
from datarobot_drum.drum.settings import ServerSettings, Settings
from tests.unit.serving.fronts import FRONTS, front

PAGE = "https://page.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}


@pytest.fixture(params=FRONTS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_off_by_default(name: str) -> None:
    with front(name) as (client, _, _):
        answer = client.get("/info/", {"Origin": PAGE})
        assert not [n for n, _ in answer.headers.lines if n.startswith("access-control")]
        assert (
            "Access-Control-Allow-Origin"
            not in client.call("OPTIONS", "/predict/", headers=PREFLIGHT).headers
        )


def test_any_origin_comes_without_credentials(name: str) -> None:
    with front(name, access=opened_to("*", PAGE)) as (client, _, _):
        for answer in (
            client.get("/info/", {"Origin": PAGE}),
            client.call("OPTIONS", "/predict/", headers=PREFLIGHT),
        ):
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_named_origins_come_with_credentials(name: str) -> None:
    with front(name, access=opened_to(PAGE)) as (client, _, _):
        answer = client.get("/nowhere", {"Origin": PAGE})
        assert answer.status == 404
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Vary"] == "Origin"
        other = client.get("/info/", {"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert other.headers["Vary"] == "Origin"


ORIGIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)).map(str.strip)
NEAR = st.sampled_from(
    [f"{PAGE}/", f"{PAGE}:443", PAGE.upper(), "null", "*", PAGE[:-1], f"{PAGE}, {PAGE}"]
)


@given(ORIGIN | NEAR | st.builds("{}{}".format, ORIGIN, st.just(PAGE)))
def test_no_origin_but_those_named_is_ever_let_in(origin: str) -> None:
    gate = Gate(ServerSettings(access=opened_to(PAGE)))
    told = dict(gate.cors_headers(origin))
    assert ("Access-Control-Allow-Origin" in told) == (origin == PAGE)


def test_a_preflight_needs_no_token_and_the_call_does(name: str) -> None:
    with front(name, access=opened_to(PAGE, auth_token="token")) as (client, _, _):
        preflight = client.call("OPTIONS", "/predict/", headers=PREFLIGHT)
        assert preflight.status == 200
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        refused = client.post("/predict/", b"a\n1\n", "text/csv", {"Origin": PAGE})
        assert refused.status == 401
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE
        stranger = PREFLIGHT | {"Origin": "https://other.example"}
        assert client.call("OPTIONS", "/predict/", headers=stranger).status == 401


def opened_to(*origins: str, **more: Any) -> AccessSettings:
    return AccessSettings(cors_enabled=True, cors_origins=origins, **more)


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> tuple[str, ...]:
    for key, value in values.items():
        monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_DRUM_{key}", value)
    options = argparse.Namespace(subparser_name="server", code_dir="/m", address="localhost:1")
    access = Settings.from_options(options).server.access
    return access.cors_origins if access.cors_enabled else ()


def test_origins_are_read_from_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, CORS_ORIGINS="https://a.example") == ()
    assert settings(monkeypatch, CORS_ENABLED="true") == ("https://a.example",)
    both = " https://a.example/ , http://b.example:8000"
    assert settings(monkeypatch, CORS_ORIGINS=both) == (
        "https://a.example",
        "http://b.example:8000",
    )


@pytest.mark.parametrize("text", ["page.example", "https://*.example", "https://a/b", ","])
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(SettingError, match="Invalid DRUM_CORS_ORIGINS"):
        settings(monkeypatch, CORS_ENABLED="true", CORS_ORIGINS=text)
