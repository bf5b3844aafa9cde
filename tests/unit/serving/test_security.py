"""What answers never hold, and the headers that they always hold."""

from __future__ import annotations

import logging
import os
import sys
import traceback

import pytest

from datarobot_drum.drum import masking
from datarobot_drum.drum.knobs.serving import HttpSettings
from tests.contract.clients import Calls
from tests.unit.serving.fronts import FRONTS, front

HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


@pytest.fixture(params=FRONTS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def failing(name: str, error: Exception) -> str:
    with front(name) as (client, _, model):
        model.error = error
        answer = client.predict("a\n1\n")
        assert answer.status == 500
        return answer.message


def assert_harmless(client: Calls, method: str, path: str, body: bytes = b"") -> None:
    answer = client.call(method, path, body=body)
    for header, value in HARMLESS.items():
        assert answer.headers[header] == value, (path, header)
    assert "Server" not in answer.headers


def test_every_answer_has_the_headers(name: str) -> None:
    with front(name, http=HttpSettings(max_body=100)) as (client, _, model):
        assert_harmless(client, "GET", "/info/")
        assert_harmless(client, "GET", "/nowhere")
        assert_harmless(client, "DELETE", "/predict/")
        assert_harmless(client, "POST", "/predict/", b"a\n1\n")
        assert_harmless(client, "POST", "/predict/", b"x" * 200)
        model.error = ValueError("no")
        assert_harmless(client, "POST", "/predict/", b"a\n1\n")


def test_an_extension_may_choose_its_own(name: str) -> None:
    def extend(app: object) -> None:
        if name == "flask":
            rule = lambda: ("", 200, {"X-Frame-Options": "SAMEORIGIN"})  # noqa: E731
            app.add_url_rule("/mine", "mine", rule)  # type: ignore[attr-defined]
        else:
            from starlette.responses import Response

            app.add_api_route(  # type: ignore[attr-defined]
                "/mine", lambda: Response(headers={"X-Frame-Options": "SAMEORIGIN"})
            )

    with front(name, extend) as (client, _, _):
        answer = client.get("/mine")
        assert answer.headers.all("X-Frame-Options") == ["SAMEORIGIN"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_server_path_reaches_a_client(name: str) -> None:
    message = failing(name, FileNotFoundError(2, "No such file", f"{sys.prefix}/lib/model.bin"))
    assert "No such file" in message
    assert sys.prefix not in message
    assert os.sep + "lib" not in message


def test_routes_and_ratios_are_no_paths(name: str) -> None:
    text = "use the /predictUnstructured/now/ route, 1/2 of km/h at http://host/etc/x"
    assert failing(name, ValueError(text)) == f"ERROR: {text}"


def test_no_traceback_reaches_a_client(name: str) -> None:
    try:
        raise KeyError("inner")
    except KeyError:
        message = failing(name, ValueError("It failed.\n" + traceback.format_exc()))
    assert message == "ERROR: It failed."


def test_a_payload_in_an_error_is_cut(name: str) -> None:
    assert len(failing(name, ValueError("row " * 100_000))) < 5000


def test_no_secret_reaches_a_client_or_the_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    masking.hide(["the key of keys"])
    caplog.set_level(logging.DEBUG, "drum")
    assert failing(name, ValueError("rejected: the key of keys")) == "ERROR: rejected: *****"
    assert "Traceback" in caplog.text
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.name == "drum.prediction.errors"
