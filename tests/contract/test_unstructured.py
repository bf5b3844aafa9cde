"""Target type unstructured: any body in, any body out."""

from __future__ import annotations

from typing import Any

import pytest

from datarobot_drum import __version__
from tests.contract import hooks
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve

ROUTE = "/predictUnstructured/"


@pytest.fixture(scope="session")
def folder(folders: Folders) -> Folder:
    made = folders.make("unstructured", {"custom.py": hooks.UNSTRUCTURED})
    return made.of_type("unstructured")


def seen(serve: Serve, folder: Folder, body: bytes, content_type: str | None) -> dict[str, Any]:
    answer = serve(folder).post(ROUTE, body, content_type)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    found.pop("headers")
    return found


@pytest.mark.parametrize(
    "path",
    ["/predictUnstructured/", "/predictUnstructured"]
    + ["/predictionsUnstructured/", "/predictionsUnstructured"],
)
def test_routes(serve: Serve, folder: Folder, path: str) -> None:
    answer = serve(folder).post(path, "hello", "text/plain")
    assert (answer.status, answer.json()["data"]) == (200, "hello")
    assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"]
    assert answer.headers["X-Drum-Version"] == __version__


@pytest.mark.parametrize(
    ("content_type", "mimetype", "charset"),
    [
        (None, "text/plain", "utf-8"),
        ("", "text/plain", "utf-8"),
        ("text/plain", "text/plain", "utf-8"),
        ("text/csv", "text/csv", "utf-8"),
        ("application/json", "application/json", "utf-8"),
        ("text/plain; charset=utf-8", "text/plain", "utf-8"),
        ("text/plain; charset=UTF8", "text/plain", "UTF8"),
    ],
)
def test_text_comes_as_str(
    serve: Serve, folder: Folder, content_type: str | None, mimetype: str, charset: str
) -> None:
    found = seen(serve, folder, "caf\u00e9".encode(), content_type)
    assert (found["type"], found["data"]) == ("str", "caf\u00e9")
    assert (found["mimetype"], found["charset"]) == (mimetype, charset)
    assert found["model"] == "a model"


def test_text_is_decoded_with_its_charset(serve: Serve, folder: Folder) -> None:
    found = seen(serve, folder, "caf\u00e9".encode("latin-1"), "text/plain; charset=latin-1")
    assert (found["data"], found["charset"]) == ("caf\u00e9", "latin-1")


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "image/png", "application/x-www-form-urlencoded"]
    + ["multipart/form-data; boundary=x"],
)
def test_anything_else_comes_as_bytes(serve: Serve, folder: Folder, content_type: str) -> None:
    found = seen(serve, folder, b"--x\r\n\x00\xff=1", content_type)
    assert found["type"] == "bytes"
    assert bytes.fromhex(found["data"]) == b"--x\r\n\x00\xff=1"
    assert found["mimetype"] == content_type.partition(";")[0]
    assert "charset" not in found


def test_charset_of_bytes_is_handed_on(serve: Serve, folder: Folder) -> None:
    found = seen(serve, folder, b"x", "application/xml; charset=utf-16")
    assert (found["type"], found["charset"]) == ("bytes", "utf-16")


def test_no_body_is_an_empty_text(serve: Serve, folder: Folder) -> None:
    found = seen(serve, folder, b"", None)
    assert (found["type"], found["data"]) == ("str", "")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe", "text/plain"),
        (b"\xff\xfe", None),
        (b"\xe9", "application/json"),
        (b"x", "text/plain; charset=no-such-charset"),
        (b"x", "text/plain; charset=hex"),
        (b"x", "text/plain; charset=undefined"),
    ],
)
def test_decision_04_text_that_cannot_be_decoded(
    serve: Serve, folder: Folder, body: bytes, content_type: str | None
) -> None:
    answer = serve(folder).post(ROUTE, body, content_type)
    assert answer.status == 422
    assert answer.message.startswith("ERROR: ")
    assert "Traceback" not in answer.message


def test_query_is_a_multi_dict(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).post(ROUTE + "?a=1&a=2&b=x%20y&return=seen", "x")
    assert answer.json()["query"] == {"a": ["1", "2"], "b": ["x y"], "return": ["seen"]}


def test_headers_are_a_plain_dict(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).post(ROUTE, "x", "text/plain", {"X-Own": "mine"})
    assert answer.json()["headers"]["x-own"] == "mine"
    assert answer.json()["headers"]["content-type"] == "text/plain"
    assert answer.json()["headers type"] == "dict"


TEXT = "text/plain; charset=utf-8"
CAFE = "caf\u00e9"


@pytest.mark.parametrize(
    ("returned", "content_type", "body"),
    [
        ("str", TEXT, CAFE.encode()),
        ("empty", TEXT, b""),
        ("bytes", "application/octet-stream", b"\x00\xff"),
        ("none", TEXT, b""),
        ("str none", TEXT, b"text"),
        ("bytes none", "application/octet-stream", b"raw"),
        ("none none", TEXT, b""),
        ("csv", "text/csv; charset=utf-8", b"a,b"),
        ("latin", "text/plain; charset=latin-1", CAFE.encode("latin-1")),
        ("both", "text/html; charset=utf-16-le", CAFE.encode("utf-16-le")),
        ("other keys", "text/css; charset=utf-8", b"x"),
        ("png", "image/png", b"png"),
        ("png charset", "image/png; charset=x", b"png"),
    ],
)
def test_what_the_hook_returns_is_the_answer(
    serve: Serve, folder: Folder, returned: str, content_type: str, body: bytes
) -> None:
    answer = serve(folder).post(f"{ROUTE}?return={returned.replace(' ', '%20')}", "x")
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (
            "dict",
            "In unstructured mode single return value can be of type str/bytes, "
            "but received <class 'dict'>",
        ),
        (
            "number",
            "In unstructured mode single return value can be of type str/bytes, "
            "but received <class 'int'>",
        ),
        (
            "triple",
            "In unstructured mode predictions of type tuple must have length = 2, "
            "but received length = 3",
        ),
        (
            "bad%20pair",
            "In unstructured mode tuple return value must be of type (str/bytes, dict) "
            "but received (<class 'str'>, <class 'str'>)",
        ),
        (
            "bad%20data",
            "In unstructured mode tuple return value must be of type (str/bytes, dict) "
            "but received (<class 'int'>, <class 'dict'>)",
        ),
        ("raise", "no luck"),
    ],
)
def test_hook_failure(serve: Serve, folder: Folder, returned: str, text: str) -> None:
    answer = serve(folder).post(f"{ROUTE}?return={returned}", "x")
    assert (answer.status, answer.message) == (500, f"ERROR: {text}")


@pytest.mark.parametrize("end", ["exit", "panic"])
def test_what_would_end_a_thread(serve: Serve, folder: Folder, end: str) -> None:
    client = serve(folder)
    assert client.post(f"{ROUTE}?return={end}", "x").status == 500
    assert client.post(ROUTE, "x").status == 200


def test_user_error(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).post(f"{ROUTE}?return=http", "x")
    assert (answer.status, answer.message) == (429, "come back tomorrow")
    assert answer.headers["X-Drum-User-Http-Error"] == "true"


@pytest.mark.parametrize(
    ("returned", "status", "text"),
    [("bad%20request", 400, "what is this?"), ("starlette", 409, "already there")],
)
def test_decision_04_web_errors_of_hooks_keep_their_status(
    serve: Serve, folder: Folder, returned: str, status: int, text: str
) -> None:
    answer = serve(folder).post(f"{ROUTE}?return={returned}", "x")
    assert answer.status == status
    assert answer.message.startswith("ERROR: ")
    assert text in answer.message


@pytest.mark.parametrize("path", ["/predict/", "/predictions", "/invocations"])
def test_predict_of_an_unstructured_model(serve: Serve, folder: Folder, path: str) -> None:
    answer = serve(folder).predict("a\n1\n", path)
    assert answer.status == 422
    assert answer.message == (
        "ERROR: This model has target type 'unstructured', use the /predictUnstructured/ or "
        "/predictionsUnstructured/ endpoint."
    )


def test_transform_of_an_unstructured_model(serve: Serve, folder: Folder) -> None:
    answer = serve(folder).predict("a\n1\n", "/transform/")
    assert answer.status == 422
    assert answer.message == (
        "ERROR: This model has target type TargetType.UNSTRUCTURED, "
        "use the /predictUnstructured/ endpoint."
    )


def test_info_and_capabilities(serve: Serve, folder: Folder) -> None:
    client = serve(folder)
    assert client.get("/info/").json()["targetType"] == "unstructured"
    assert client.get("/info/").json()["predictor"] is None
    assert client.get("/capabilities/").json()["supported_methods"]["chat"] is False
