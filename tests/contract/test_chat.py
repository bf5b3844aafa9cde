"""Chat and models: what clients send and get, whole and streamed."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest

from tests.contract.chat_folder import CHAT, chatting, listing
from tests.contract.clients import Answer, Calls
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve

JSON = "application/json"
DONE = "[DONE]"


@pytest.fixture
def client(serve: Serve, folders: Folders) -> Calls:
    return serve(chatting(folders))


def chat(client: Calls, content: str, path: str = "/v1/chat/completions", **more: Any) -> Answer:
    params = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    return client.post(path, json.dumps(params), JSON)


def content_of(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json()["choices"][0]["message"]["content"])


def events(answer: Answer) -> list[str]:
    """The data of each server-sent event, after the shape of the stream was checked."""
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    *parts, rest = answer.body.decode().split("\n\n")
    assert rest == ""
    assert all(part.startswith("data: ") and "\n" not in part for part in parts)
    return [part.removeprefix("data: ") for part in parts]


def text_of(stream: list[str]) -> str:
    chunks = [json.loads(event) for event in stream]
    return "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "/chat/completions/",
        "/v1/chat/completions",
        "/v1/chat/completions/",
    ],
)
def test_every_path_answers(client: Calls, path: str) -> None:
    answer = chat(client, "say:hi", path)
    assert content_of(answer) == "hi"
    assert answer.headers["Content-Type"] == "application/json"


def test_hook_gets_the_parsed_object_unchanged(client: Calls) -> None:
    answer = chat(client, "params", temperature=0.5, tools=[{"a": None}], odd="é")
    assert json.loads(content_of(answer)) == {
        "model": "m",
        "messages": [{"role": "user", "content": "params"}],
        "temperature": 0.5,
        "tools": [{"a": None}],
        "odd": "é",
    }


def test_keys_are_sorted_and_unknown_ones_pass_through(client: Calls) -> None:
    answer = chat(client, "usage")
    assert list(answer.json()) == sorted(answer.json())
    assert answer.json()["usage"] == {"total_tokens": 7}
    assert answer.body.endswith(b"}\n")


def test_headers_are_found_in_any_case(client: Calls) -> None:
    headers = {"X-My-Header": "yes", "Content-Type": JSON}
    body = {"messages": [{"role": "user", "content": "header:x-mY-heaDer"}]}
    answer = client.call(
        "POST", "/chat/completions", body=json.dumps(body).encode(), headers=headers
    )
    assert content_of(answer) == "yes"
    assert "Content-Type" in json.loads(content_of(chat(client, "headers")))


@pytest.mark.parametrize("action", ["say", "stream", "async_stream"])
def test_association_id(client: Calls, action: str) -> None:
    def ids(answer: Answer) -> set[str]:
        if action == "say":
            return {answer.json()["datarobot_association_id"]}
        return {json.loads(event)["datarobot_association_id"] for event in events(answer)[:-1]}

    given = chat(client, f"{action}:a b", datarobot_association_id="my-id")
    assert ids(given) == {"my-id"}
    (made,) = ids(chat(client, f"{action}:a b"))
    assert uuid.UUID(made).version == 4
    assert ids(chat(client, f"{action}:a b")) != {made}


# -- streams


@pytest.mark.parametrize("action", ["stream", "list", "async_stream", "async_stream_later"])
def test_stream(client: Calls, action: str) -> None:
    *chunks, last = events(chat(client, f"{action}:wie schön 日本"))
    assert last == DONE
    assert len(chunks) == 3
    assert text_of(chunks) == "wie schön 日本 "
    assert "schön" in chunks[1]


def test_stream_does_not_depend_on_the_stream_flag(client: Calls) -> None:
    assert events(chat(client, "stream:a", stream=False))[-1] == DONE
    assert content_of(chat(client, "say:a", stream=True)) == "a"


@pytest.mark.parametrize("action", ["empty", "async_empty"])
def test_empty_stream_is_only_done(client: Calls, action: str) -> None:
    assert events(chat(client, action)) == [DONE]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("stream_fail", "ERROR: boom"),
        ("async_stream_fail", "ERROR: boom"),
        ("stream_http", "not now"),
    ],
)
def test_decision_21_error_after_the_first_chunk(client: Calls, action: str, message: str) -> None:
    *chunks, last = events(chat(client, f"{action}:a b"))
    assert text_of(chunks) == "a b "
    assert json.loads(last) == {"error": {"message": message}}


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("stream_exit", "SystemExit"),
        ("stream_panic", "BaseException"),
        ("async_stream_panic", "KeyboardInterrupt"),
    ],
)
def test_decision_21_exit_in_a_stream_leaves_the_server_up(
    client: Calls, action: str, name: str
) -> None:
    last = events(chat(client, f"{action}:a"))[-1]
    assert name in json.loads(last)["error"]["message"]
    assert content_of(chat(client, "say:still here")) == "still here"


@pytest.mark.parametrize("action", ["first_http", "async_http", "async_first_http"])
def test_decision_21_error_before_the_first_chunk_keeps_its_status(
    client: Calls, action: str
) -> None:
    answer = chat(client, action)
    assert (answer.status, answer.message) == (429, "not now")
    assert answer.headers["X-Drum-User-Http-Error"] == "true"


@pytest.mark.parametrize("action", ["first_fail", "async_fail"])
def test_decision_21_failure_before_the_first_chunk(client: Calls, action: str) -> None:
    answer = chat(client, action)
    assert (answer.status, answer.message) == (500, "ERROR: boom")


def test_decision_21_async_hooks(client: Calls) -> None:
    assert content_of(chat(client, "async_say:hello")) == "hello"
    assert text_of(events(chat(client, "async_list:a b"))[:-1]) == "a b "


@pytest.mark.parametrize("action", ["async_exit", "async_panic", "first_panic"])
def test_decision_21_exit_in_a_hook_leaves_the_server_up(client: Calls, action: str) -> None:
    assert chat(client, action).status == 500
    assert content_of(chat(client, "async_say:still here")) == "still here"


# -- failures


def test_hook_that_raises(client: Calls) -> None:
    answer = chat(client, "raise:too bad")
    assert (answer.status, answer.message) == (500, "ERROR: too bad")


def test_hook_that_raises_an_http_error(client: Calls) -> None:
    answer = chat(client, "http:short and stout")
    assert (answer.status, answer.message) == (418, "short and stout")


@pytest.mark.parametrize(
    ("action", "kind"),
    [("dict", "<class 'dict'>"), ("text", "<class 'str'>"), ("number", "<class 'int'>")],
)
def test_anything_else_is_refused(client: Calls, action: str, kind: str) -> None:
    answer = chat(client, action)
    expected = (
        "ERROR: Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]. "
        f"response type: {kind}.response(str): "
    )
    assert answer.status == 500
    assert answer.message.startswith(expected)


def test_completion_without_choices(client: Calls) -> None:
    assert chat(client, "nothing").status == 500


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_decision_04_wrong_content_type(client: Calls, content_type: str | None) -> None:
    answer = client.post("/chat/completions", '{"messages": []}', content_type)
    assert answer.status == 415
    assert answer.message.startswith("ERROR: 415 Unsupported Media Type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/x+json"])
def test_json_content_types(client: Calls, content_type: str) -> None:
    body = '{"messages": [{"content": "say:a"}]}'
    assert content_of(client.post("/chat/completions", body, content_type)) == "a"


@pytest.mark.parametrize("body", ["", "{", '{"a": NaN}', "[" * 100_000, b"\xff\xfe", "{}x"])
def test_decision_04_malformed_json(client: Calls, body: str | bytes) -> None:
    answer = client.post("/chat/completions", body, JSON)
    assert answer.status == 400
    assert answer.message == (
        "ERROR: The browser (or proxy) sent a request that this server could not understand."
    )


@pytest.mark.parametrize("body", ["[1]", "3", '"text"', "null"])
def test_body_must_be_an_object(client: Calls, body: str) -> None:
    answer = client.post("/chat/completions", body, JSON)
    assert (answer.status, answer.message) == (
        400,
        "ERROR: The request body must be a JSON object.",
    )


# -- models without the hooks


@pytest.mark.parametrize(
    ("target_type", "text"),
    [
        ("textgeneration", "chat() is not implemented."),
        ("agenticworkflow", "chat() is not implemented."),
        ("vectordatabase", "chat is not supported."),
        ("regression", "chat is not supported."),
    ],
)
def test_no_chat_hook(serve: Serve, folders: Folders, target_type: str, text: str) -> None:
    answer = chat(serve(folders.echo_of(target_type)), "say:a")
    assert answer.status == 404
    assert answer.message == f"ERROR: This model's chat interface was called, but {text}"


def test_any_structured_type_with_a_hook_chats(serve: Serve, folders: Folders) -> None:
    folder = chatting(folders)
    regression = Folder(folder.path).of_type("regression")
    assert content_of(chat(serve(regression), "say:a")) == "a"


def test_capabilities_tell_of_chat(client: Calls, serve: Serve, folders: Folders) -> None:
    assert client.get("/capabilities/").json()["supported_methods"]["chat"] is True
    silent = serve(folders.echo_of("regression"))
    assert silent.get("/capabilities/").json()["supported_methods"]["chat"] is False


# -- models


@pytest.mark.parametrize("path", ["/models", "/models/", "/v1/models", "/v1/models/"])
def test_models_of_the_hook(serve: Serve, folders: Folders, path: str) -> None:
    answer = serve(listing(folders)).get(path)
    assert answer.status == 200
    assert answer.body == b'{"data":[{"id":"llm-1","object":"model"}],"object":"list"}\n'


def test_models_without_a_hook(client: Calls, serve: Serve, folders: Folders) -> None:
    assert client.get("/models").json() == {"data": [], "object": "list"}
    configured = serve(chatting(folders).with_params(LLM_ID="gpt"))
    assert configured.get("/models").json()["data"] == [
        {"created": 1735689600, "id": "gpt", "object": "model", "owned_by": "DataRobot"}
    ]


def test_models_of_another_type(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.echo_of("regression")).get("/v1/models")
    assert answer.status == 404
    assert answer.message == "ERROR: get_supported_llm_models is supported only for TextGen models"


# -- direct access


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", ["/directAccess/v1/x", "/directAccess/a/", "/nim/a", "/nim/a/b/"])
def test_direct_access_is_refused(client: Calls, method: str, path: str) -> None:
    answer = client.call(method, path)
    assert answer.status == 400
    assert answer.message == ("ERROR: This endpoint is only supported by OpenAI based predictors")


@pytest.mark.parametrize("path", ["/directAccess", "/directAccess/", "/nim//a"])
def test_direct_access_needs_a_path(client: Calls, path: str) -> None:
    assert client.get(path).status == 404


def test_direct_access_wrong_method(client: Calls) -> None:
    answer = client.call("DELETE", "/nim/a")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"


# -- moderation


def test_moderation_gets_the_same_association_id(serve: Serve, folders: Folders) -> None:
    library = (
        "class Pipeline:\n"
        "    def chat(self, params, model, hook, association_id, **keywords):\n"
        "        params['messages'][-1]['content'] += association_id\n"
        "        return hook(params, model, **keywords)\n\n\n"
        "def moderation_pipeline_factory(target_type, model_dir):\n"
        "    return Pipeline()\n"
    )
    files: dict[str, str | bytes] = {
        "custom.py": CHAT,
        "moderation_config.yaml": "{}\n",
        "datarobot_dome/__init__.py": "",
        "datarobot_dome/drum_integration.py": library,
    }
    folder = folders.make("moderated", files).of_type("textgeneration")
    answer = chat(serve(folder.with_env(TARGET_NAME="answer")), "say:")
    assert content_of(answer) == answer.json()["datarobot_association_id"]


def test_decision_04_compressed_chat_is_refused_by_name(client: Calls) -> None:
    body, headers = gzip.compress(b'{"messages": []}'), {"Content-Encoding": "gzip"}
    answer = client.post("/chat/completions", body, JSON, headers=headers)
    assert answer.status == 415
    assert answer.message.startswith("ERROR: The body is compressed (header Content-Encoding)")
