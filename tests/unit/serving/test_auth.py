"""The bearer token: what it guards, on both applications."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.serving import AccessSettings
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving.gate import Gate
from datarobot_drum.drum.serving.routes import spellings
from datarobot_drum.drum.settings import ServerSettings
from tests.contract.clients import Answer, Calls
from tests.unit.serving.fronts import FRONTS, front

TOKEN = "s3cret-tökén"


@pytest.fixture(params=FRONTS)
def client(request: pytest.FixtureRequest) -> Iterator[Calls]:
    def extend(app: Any) -> None:
        if request.param == "flask":
            app.add_url_rule("/mine", "mine", lambda: "mine")
        else:
            app.add_api_route("/mine", lambda: "mine")

    with front(request.param, extend, access=AccessSettings(auth_token=TOKEN)) as (client, _, _):
        yield client


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    # As a client that writes headers in UTF-8 sends it.
    return {"Authorization": f"{scheme} {token}".encode().decode("latin-1")}


def assert_refused(answer: Answer) -> None:
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.message.startswith("ERROR: ")
    assert TOKEN.encode() not in answer.body
    assert "X-Request-ID" in answer.headers


V2_PROBES = ("/v2/health/live", "/v2/health/ready")
PROBES = [
    path
    for probe in ("/", "/ping/", "/health/", "/livez", "/readyz", *V2_PROBES)
    for path in spellings(probe)
]


@pytest.mark.parametrize("path", PROBES)
def test_probes_need_no_token(client: Calls, path: str) -> None:
    assert client.get(path).status == 200


@pytest.mark.parametrize(
    "path",
    ["/info/", "/capabilities/", "/stats/", "/metrics", "/nowhere", "/livez/x", "/mine"],
)
def test_everything_else_needs_it(client: Calls, path: str) -> None:
    assert_refused(client.get(path))


def test_predictions_need_it(client: Calls) -> None:
    assert_refused(client.predict("a\n1\n"))
    headers = bearer(TOKEN) | {"Content-Type": "text/csv"}
    assert client.post("/predict/", b"a\n1\n", headers=headers).predictions == [0.0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_probes_path_is_open_to_reading_only(client: Calls, method: str) -> None:
    assert_refused(client.call(method, "/livez"))


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN + "x"),
        bearer(TOKEN[:-1]),
        bearer(""),
        bearer(TOKEN, "Basic"),
        {"Authorization": TOKEN.encode().decode("latin-1")},
    ],
)
def test_a_wrong_token_is_refused(client: Calls, headers: dict[str, str]) -> None:
    assert_refused(client.get("/info/", headers))


# What a header may hold, as servers hand it on.
HEADER = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0")).map(str.strip)
CLOSE = st.sampled_from([TOKEN, TOKEN.upper(), TOKEN[1:], TOKEN * 2, f"{TOKEN},{TOKEN}", "*", ""])
SCHEME = st.sampled_from(["Bearer", "bearer", "BEARER", "Basic", "Token", "", "Bearer Bearer"])
RIGHT = TOKEN.encode().decode("latin-1")


@given(HEADER | st.builds("{} {}".format, SCHEME, CLOSE | HEADER), HEADER.map("/{}".format))
def test_no_header_but_the_tokens_ever_opens_a_path(authorization: str, path: str) -> None:
    gate = Gate(ServerSettings(access=AccessSettings(auth_token=TOKEN)))
    scheme, _, given = authorization.partition(" ")
    right = scheme.lower() == "bearer" and given.strip() == RIGHT
    for method in ("GET", "POST", "OPTIONS"):
        is_probe = method == "GET" and path in PROBES
        assert gate.allows(method, path, authorization) == (right or is_probe)


def test_the_right_token_opens_all(client: Calls) -> None:
    for path in ("/info/", "/stats/", "/metrics", "/mine"):
        assert client.get(path, bearer(TOKEN)).status == 200
        assert client.get(path, bearer(TOKEN, "bearer")).status == 200
    assert client.get("/nowhere", bearer(TOKEN)).status == 404


def test_websockets_of_an_extension_need_it() -> None:
    def extend(app: Any) -> None:
        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text("hello")
            await socket.close()

        app.add_api_websocket_route("/talk", talk)
        apps.append(app)

    apps: list[Any] = []
    with front("fastapi", extend, access=AccessSettings(auth_token="token")):
        client = TestClient(apps[0])
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/talk"):
            pass
        with client.websocket_connect("/talk", headers=bearer("token")) as socket:
            assert socket.receive_text() == "hello"


def test_the_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN not in repr(ServerSettings(access=AccessSettings(auth_token=TOKEN)))
    fields = {"credentialType": "api_token", "apiToken": TOKEN}
    credential = json.dumps({"type": "credential", "payload": fields})
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_AUTH_TOKEN", credential)
    with pytest.raises(SettingError, match=r"Invalid DRUM_AUTH_TOKEN: \*\*\*\*\*"):
        read(AccessSettings)


def headers_for_hooks(kind: str, monkeypatch: pytest.MonkeyPatch, **access: Any) -> dict[str, str]:
    """What reaches the service of a request with the server's own token."""
    seen: dict[str, str] = {}
    with front(kind, lambda _app: None, access=AccessSettings(**access)) as (client, service, _):
        monkeypatch.setattr(service, "answer", lambda _what, request, *_: note(request))

        async def answer(_what: Any, request: Any, *_: Any) -> PredictResponse:
            return note(request)

        def note(request: Any) -> PredictResponse:
            seen.update(request.headers)
            return PredictResponse(200, b"{}")

        monkeypatch.setattr(service, "answer_async", answer)
        headers = bearer(TOKEN) | {"Content-Type": "text/csv", "X-Mine": "1"}
        assert client.post("/predict/", b"a\n1\n", headers=headers).status == 200
    assert seen["x-mine"] == "1"
    return seen


@pytest.mark.parametrize("kind", FRONTS)
def test_the_servers_own_token_is_for_hooks_only_where_that_is_asked_for(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(**access: Any) -> bool:
        return "authorization" in headers_for_hooks(kind, monkeypatch, **access)

    assert not given(auth_token=TOKEN)
    assert given(auth_token=TOKEN, forward_authorization=True)
    # Without a token of the server's it is the model's.
    assert given()
