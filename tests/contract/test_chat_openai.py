"""Chat through the client that people use, with a model that answers in its types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.clients import SocketClient
from tests.contract.folders import Folders
from tests.contract.fronts import Front, over_sockets

openai = pytest.importorskip("openai")

pytestmark = over_sockets

HOOK = """
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types import Model


def load_model(code_dir):
    return "the model"


def score(data, model, **kwargs):
    return data


TOOL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "look", "arguments": "{}"},
}


def completion(params, message):
    return ChatCompletion.model_validate({
        "id": "1", "object": "chat.completion", "created": 1, "model": params["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    })


def chunk(params, text):
    return ChatCompletionChunk.model_validate({
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": params["model"],
        "choices": [{"index": 0, "delta": {"content": text}}],
    })


def stream(params, words):
    for word in words:
        if word == "fail":
            raise ValueError("no more words")
        yield chunk(params, word)


async def stream_async(params, words):
    for word in words:
        yield chunk(params, word)


def chat(params, model):
    text = params["messages"][-1]["content"]
    if params.get("tools"):
        return completion(params, {"role": "assistant", "content": None, "tool_calls": [TOOL]})
    if params.get("stream"):
        make = stream_async if params.get("user") == "async" else stream
        return make(params, text.split())
    return completion(params, {"role": "assistant", "content": text.upper()})


def get_supported_llm_models(model):
    return [Model(id="llm-1", object="model", created=1, owned_by="me")]
"""


@pytest.fixture
def client(front: Front, folders: Folders) -> Iterator[Any]:
    folder = folders.make("openai", {"custom.py": HOOK}).of_type("textgeneration")
    served = front.serve(folder.with_env(TARGET_NAME="answer"))
    assert isinstance(served, SocketClient)
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def messages(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_completion(client: Any) -> None:
    answer = client.chat.completions.create(model="m", messages=messages("hi"))
    assert answer.choices[0].message.content == "HI"
    assert answer.usage.total_tokens == 3
    assert answer.datarobot_association_id


def test_tools_pass_through(client: Any) -> None:
    tools = [{"type": "function", "function": {"name": "look"}}]
    answer = client.chat.completions.create(model="m", messages=messages("hi"), tools=tools)
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "look"


@pytest.mark.parametrize("user", ["sync", "async"])
def test_stream(client: Any, user: str) -> None:
    chunks = client.chat.completions.create(
        model="m",
        messages=messages("a bee sea"),
        stream=True,
        user=user,
        extra_body={"datarobot_association_id": "my-id"},
    )
    seen = [(chunk.choices[0].delta.content, chunk.datarobot_association_id) for chunk in chunks]
    assert seen == [("a", "my-id"), ("bee", "my-id"), ("sea", "my-id")]


def test_error_in_a_stream_is_raised_by_the_client(client: Any) -> None:
    chunks = client.chat.completions.create(model="m", messages=messages("a fail"), stream=True)
    assert next(chunks).choices[0].delta.content == "a"
    with pytest.raises(openai.APIError, match="no more words"):
        next(chunks)


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["llm-1"]
