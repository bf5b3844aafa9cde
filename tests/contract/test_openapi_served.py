"""The description that the fastapi server publishes, and whether it tells the truth."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from tests.contract.clients import Answer, Calls
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, only

MODEL = """
def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    return data
"""
EXTENSION = """
def init_app(app):
    @app.get("/mine")
    def mine() -> dict[str, int]:
        return {"answer": 42}
"""


# The other servers publish nothing.
published = only("fastapi", "fastapi-server")


@pytest.fixture
def folder(folders: Folders) -> Folder:
    return folders.regression.with_params(DRUM_FASTAPI_ENABLE_DOCS="true")


@pytest.fixture
def client(serve: Serve, folder: Folder) -> Calls:
    return serve(folder)


def test_off_by_default(serve: Serve, folders: Folders) -> None:
    plain = serve(folders.regression)
    assert plain.get("/openapi.json").status == 404
    assert plain.get("/docs").status == 404


@published
@pytest.mark.parametrize("slash", ["", "/"])
def test_document(client: Calls, slash: str) -> None:
    answer = client.get(f"/openapi.json{slash}")
    assert answer.headers["Content-Type"] == "application/json"
    assert "X-Drum-Version" in answer.headers
    validate(answer.json())
    assert "/predict/" in answer.json()["paths"]


@published
def test_page_needs_no_other_host(client: Calls) -> None:
    answer = client.get("/docs")
    page = answer.body.decode()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page


@published
def test_extension_and_prefix(serve: Serve, folder: Folder, folders: Folders) -> None:
    files: dict[str, str | bytes] = {
        "custom.py": MODEL,
        "custom_fastapi.py": EXTENSION,
    }
    extended = folders.make("documented", files).of_type("regression")
    client = serve(
        extended.with_params(DRUM_FASTAPI_ENABLE_DOCS="true").with_env(URL_PREFIX="/pre")
    )
    document = client.get("/openapi.json").json()
    validate(document)
    assert {"/mine", "/pre/predict/"} <= set(document["paths"])
    assert b'href="/pre/openapi.json"' in client.get("/docs").body


def check(document: dict[str, Any], path: str, method: str, answer: Answer) -> None:
    """The status is described, and the body fits what is described for it."""
    response = document["paths"][path][method]["responses"][str(int(answer.status))]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    schema = response["content"][media_type]["schema"]
    body = answer.json() if media_type == "application/json" else answer.body.decode()
    OAS31Validator(schema | {"components": document["components"]}).validate(body)


@published
def test_status_routes_answer_as_described(client: Calls) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        if "get" in operations:
            real = path.format(name="regression", version="1", path="x")
            check(document, path, "get", client.get(real))


@published
@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/predict/", b"a,b\n1,2\n", "text/csv"),
        ("/predict/", b"", "text/csv"),
        ("/predict/", b"z\n1\n", "text/csv"),
        ("/predictions/", b"\xff", "text/csv"),
        ("/invocations", b"a", "application/x-nothing"),
        ("/chat/completions", b"{}", "application/json"),
        ("/chat/completions", b"{", "application/json"),
        ("/v1/chat/completions", b"{}", "text/plain"),
        ("/nim/{path}", b"", "text/plain"),
        ("/v2/models/{name}/infer", b"{", "application/json"),
        (
            "/v2/models/{name}/infer",
            json.dumps(
                {"inputs": [{"name": "i", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
            ).encode(),
            "application/json",
        ),
    ],
)
def test_posts_answer_as_described(
    client: Calls, path: str, body: bytes, content_type: str
) -> None:
    document = client.get("/openapi.json").json()
    real = path.format(name="regression", path="x")
    check(document, path, "post", client.post(real, body, content_type))


@published
@pytest.mark.parametrize("path", ["/predict/", "/chat/completions", "/v2/models/{name}/infer"])
@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_bodies_that_are_not_read_answer_as_described(
    serve: Serve, folder: Folder, path: str, headers: dict[str, str]
) -> None:
    client = serve(folder.with_params(DRUM_MAX_UPLOAD_SIZE="1024"))
    document = client.get("/openapi.json").json()
    body = b"x" * (10 if headers else 2000)
    answer = client.post(path.format(name="regression"), body, "application/json", headers)
    assert answer.status in ((415, 422) if headers else (413,))
    check(document, path, "post", answer)
