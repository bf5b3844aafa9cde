"""``--with-error-server``: a model that cannot be loaded is served as its error."""

from __future__ import annotations

import json

import pytest

from datarobot_drum import __version__
from tests.contract import hooks
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, in_process
from tests.contract.start_failures import LOADING, START_FAILURES

OPERATIONS = [
    *(("GET", path) for path in ("/", "/ping/", "/health/", "/info/", "/stats/", "/capabilities/")),
    *(("POST", path) for path in ("/predict/", "/predictions/", "/invocations", "/transform/")),
    *(("POST", path) for path in ("/predictUnstructured/", "/predictionsUnstructured/")),
    *(("POST", path) for path in ("/chat/completions", "/v1/chat/completions")),
    *(("GET", path) for path in ("/models", "/v1/models")),
]


@pytest.fixture(scope="session")
def failing(folders: Folders) -> Folder:
    source = "def load_model(code_dir):\n    raise ValueError('no such weights')\n"
    folder = folders.make("failing", {"custom.py": source + "def score(data, model): ...\n"})
    return folder.of_type("regression").with_args("--with-error-server")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_decision_11_every_route_answers_513(
    serve: Serve, failing: Folder, method: str, path: str
) -> None:
    for spelling in {path, path.rstrip("/") or "/"}:
        answer = serve(failing).call(method, spelling, body=b"x\n1\n" if method == "POST" else b"")
        assert answer.status == 513
        assert answer.message == (
            LOADING + "'load_model' hook failed to load the model. "
            "Exception: ValueError('no such weights')"
        )
        assert answer.headers["X_Request_ID"] == answer.headers["X-Request-ID"]
        assert answer.headers["X-Drum-Version"] == __version__


def test_decision_11_alive_but_not_ready(serve: Serve, failing: Folder) -> None:
    client = serve(failing)
    assert client.get("/livez").status == 200
    answer = client.get("/readyz")
    assert answer.status == 503
    assert answer.message.startswith("ERROR: ")


TOKEN = "a token that few hold"
OPEN = ("/", "/ping", "/ping/", "/health/", "/readyz")


@pytest.fixture(scope="session")
def telling(folders: Folders) -> Folder:
    """It cannot be loaded, and its error holds what not everybody should know."""
    source = "import os\ndef load_model(code_dir):\n    key = os.environ['THEIR_KEY']\n"
    source += "    raise ValueError(f'no weights in {code_dir}/a b.bin for {key!r}')\n"
    folder = folders.make("telling", {"custom.py": source + "def score(data, model): ...\n"})
    folder = folder.with_env(THEIR_KEY="it's \\ a key").of_type("regression")
    return folder.with_args("--with-error-server")


def test_open_routes_say_no_more_than_that_the_model_is_not_loaded(
    serve: Serve, telling: Folder
) -> None:
    client = serve(telling.with_params(DRUM_AUTH_TOKEN=TOKEN))
    for path in OPEN:
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN}):
            answer = client.get(path, headers)
            assert answer.message == "ERROR: The model is not loaded."
            assert answer.status == (503 if path == "/readyz" else 513)
    assert client.get("/info/").status == 401
    assert client.get("/livez").status == 200
    assert b"weights" not in client.get("/v2/health/ready").body


def test_who_holds_the_token_is_told_why_without_paths_and_secrets(
    serve: Serve, telling: Folder
) -> None:
    reason = 'no weights in <path> for "*****"\')'
    client = serve(telling.with_params(DRUM_AUTH_TOKEN=TOKEN))
    for path in (*OPEN, "/info/", "/stats/"):
        answer = client.get(path, {"Authorization": f"Bearer {TOKEN}"})
        assert answer.message.replace("\\", "").endswith(reason), answer.message
    assert serve(telling).get("/ping/").message.replace("\\", "").endswith(reason)


def test_unknown_paths_and_methods_stay_what_they_are(serve: Serve, failing: Folder) -> None:
    client = serve(failing)
    assert client.get("/nowhere").status == 404
    assert client.get("/predict/").status == 405


def test_a_model_that_loads_is_served(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression.with_args("--with-error-server"))
    assert client.predict("a,b\n1,2\n").status == 200
    assert client.predict("a,b\nx,1\n").status == 422


# -- what is told of each failure


@in_process
@pytest.mark.parametrize("name", START_FAILURES)
def test_text_of_a_failed_start(serve: Serve, folders: Folders, name: str) -> None:
    files, options, text = START_FAILURES[name]
    folder = folders.make("failure " + name, files).with_args(*options, "--with-error-server")
    answer = serve(folder).post("/predict/", "x\n1\n", "text/csv")
    assert answer.status == 513
    beginning, _, rest = text.partition("…")
    assert answer.message.startswith(beginning)
    assert rest in answer.message


@in_process
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("no json", "Failed to parse deployment config json file '<path>'"),
        ("{}", "'target' section not found in deployment config json file <path>"),
    ],
)
def test_bad_deployment_config(serve: Serve, folders: Folders, content: str, text: str) -> None:
    folder = folders.make(f"deployment {len(content)}", {"config.json": content})
    config = folder.path / "config.json"
    served = folders.regression.with_args("--with-error-server", "--deployment-config", str(config))
    answer = serve(served).get("/ping/")
    assert (answer.status, answer.message) == (513, "ERROR: " + text)


# -- extension files


def extension(source: str) -> dict[str, str | bytes]:
    """The same file for both kinds of server."""
    return {"custom_flask.py": source, "custom_fastapi.py": source}


AUTHENTICATION: dict[str, str | bytes] = {
    "custom_flask.py": """
import flask

def init_app(app):
    @app.before_request
    def check():
        if flask.request.headers.get("Authorization") != "Bearer good":
            return {"message": "who are you?"}, 401
""",
    "custom_fastapi.py": """
from starlette.responses import JSONResponse

def init_app(app):
    @app.middleware("http")
    async def check(request, call_next):
        if request.headers.get("Authorization") != "Bearer good":
            return JSONResponse({"message": "who are you?"}, 401)
        return await call_next(request)
""",
}


def test_decision_11_the_extension_still_applies(serve: Serve, folders: Folders) -> None:
    folder = folders.make("failing_extended", {"custom.py": hooks.ECHO, **AUTHENTICATION})
    client = serve(folder.with_args("--with-error-server"))
    answer = client.get("/info/")
    assert (answer.status, answer.message) == (401, "who are you?")
    assert answer.headers["X-Drum-Version"] == __version__
    good = {"Authorization": "Bearer good"}
    assert client.get("/info/", headers=good).status == 513


@in_process
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import a_module_that_is_missing\n", "Failed to extend … app from [<path>] : No mod"),
        ("raise KeyError('odd')\n", "'odd'"),
        ("def init_app(app):\n    raise ValueError('not today')\n", "not today"),
        ("x = 1\n", "init_app"),
        ("import sys\nsys.exit(0)\n", "Failed to extend … app from […SystemExit(0)"),
        (
            "def init_app(app):\n    raise SystemExit\n",
            "Failed to extend … app from […SystemExit()",
        ),
        ("def init_app(app):\n    import nowhere\n", "Failed to extend … app from […'nowhere'"),
    ],
)
def test_decision_11_an_extension_that_fails(
    serve: Serve, folders: Folders, source: str, text: str
) -> None:
    files = {"custom.py": hooks.ECHO, **extension(source)}
    folder = folders.make(f"broken_extension_{len(source)}", files)
    client = serve(folder.of_type("regression").with_args("--with-error-server"))
    for path in ("/ping/", "/info/"):
        answer = client.get(path)
        assert answer.status == 513
        for piece in text.split("…"):
            assert piece in answer.message
    assert client.get("/livez").status == 200


def test_the_message_is_json_whatever_is_in_it(serve: Serve, folders: Folders) -> None:
    source = "def load_model(code_dir):\n    raise ValueError('quote \" \\n caf\\xe9 \\x00')\n"
    folder = folders.make("odd_text", {"custom.py": source + "def score(data, model): ...\n"})
    client = serve(folder.of_type("regression").with_args("--with-error-server"))
    answer = client.get("/ping/")
    assert "quote" in json.loads(answer.body)["message"]
