"""A model that chats. The last message says what the hook does: an action and an argument."""

from __future__ import annotations

from tests.contract.folders import Folder, Folders

# Plain objects with the attributes that count: a model needs no client library to chat.
CHAT = """
import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from datarobot_drum import CustomHTTPError


class Answer:
    def __init__(self, content="", choices=1, **more):
        self.object = "chat.completion"
        message = SimpleNamespace(content=content)
        self.choices = [SimpleNamespace(message=message)] * choices
        self.more = more

    def to_dict(self):
        own = {"object": self.object, "choices": [
            {"message": {"content": choice.message.content}} for choice in self.choices
        ]}
        return own | self.more | {"datarobot_association_id": self.datarobot_association_id}


class ChatCompletionChunk:
    def __init__(self, text):
        self.text = text

    def to_json(self, indent=2):
        assert indent is None
        delta = {"content": self.text}
        return json.dumps(
            {
                "id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta}],
                "datarobot_association_id": self.datarobot_association_id,
            },
            ensure_ascii=False,
        )


def wait_for(path):
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise TimeoutError(path)


def words(argument):
    for word in argument.split():
        yield ChatCompletionChunk(word + " ")


def words_then_fail(argument, error):
    yield from words(argument)
    raise error


def fail_at_once(error):
    raise error
    yield


def held(argument):
    folder = Path(argument)
    (folder / "started").touch()
    yield ChatCompletionChunk("first")
    wait_for(folder / "go")
    yield ChatCompletionChunk("second")


def endless(argument):
    try:
        while True:
            yield ChatCompletionChunk("x")
            time.sleep(0.01)
    finally:
        Path(argument, "closed").touch()


async def words_async(argument):
    for word in argument.split():
        await asyncio.sleep(0)
        yield ChatCompletionChunk(word + " ")


async def fail_async(argument, error):
    for word in argument.split():
        yield ChatCompletionChunk(word + " ")
    raise error


async def silent(argument):
    try:
        yield ChatCompletionChunk("first")
        await asyncio.Event().wait()
    finally:
        Path(argument, "closed").touch()


async def answer_async(argument):
    await asyncio.sleep(0)
    return Answer(argument)


async def stream_later(argument):
    await asyncio.sleep(0)
    return words_async(argument)


async def list_later(argument):
    return list(words(argument))


async def raise_later(error):
    await asyncio.sleep(0)
    raise error


NOT_NOW = CustomHTTPError("not now", 429)
BOOM = ValueError("boom")
ACTIONS = {
    "say": lambda argument, headers: Answer(argument),
    "header": lambda argument, headers: Answer(headers[argument]),
    "headers": lambda argument, headers: Answer(json.dumps(sorted(dict(headers)))),
    "usage": lambda argument, headers: Answer("x", usage={"total_tokens": 7}, b=1, a=2),
    "nothing": lambda argument, headers: Answer(choices=0),
    "stream": lambda argument, headers: words(argument),
    "list": lambda argument, headers: list(words(argument)),
    "empty": lambda argument, headers: iter(()),
    "stream_fail": lambda argument, headers: words_then_fail(argument, BOOM),
    "stream_http": lambda argument, headers: words_then_fail(argument, NOT_NOW),
    "stream_exit": lambda argument, headers: words_then_fail(argument, SystemExit(1)),
    "stream_panic": lambda argument, headers: words_then_fail(argument, BaseException(1)),
    "first_panic": lambda argument, headers: fail_at_once(KeyboardInterrupt()),
    "first_fail": lambda argument, headers: fail_at_once(BOOM),
    "first_http": lambda argument, headers: fail_at_once(NOT_NOW),
    "held": lambda argument, headers: held(argument),
    "endless": lambda argument, headers: endless(argument),
    "dict": lambda argument, headers: {"object": "chat.completion"},
    "text": lambda argument, headers: "hello",
    "number": lambda argument, headers: 7,
    "async_say": lambda argument, headers: answer_async(argument),
    "async_stream": lambda argument, headers: words_async(argument),
    "async_stream_later": lambda argument, headers: stream_later(argument),
    "async_list": lambda argument, headers: list_later(argument),
    "async_empty": lambda argument, headers: words_async(""),
    "async_fail": lambda argument, headers: raise_later(BOOM),
    "async_http": lambda argument, headers: raise_later(NOT_NOW),
    "async_exit": lambda argument, headers: raise_later(SystemExit(1)),
    "async_panic": lambda argument, headers: raise_later(BaseException(1)),
    "async_stream_panic": lambda argument, headers: fail_async(argument, KeyboardInterrupt()),
    "async_first_http": lambda argument, headers: fail_async("", NOT_NOW),
    "async_stream_fail": lambda argument, headers: fail_async(argument, BOOM),
    "async_silent": lambda argument, headers: silent(argument),
}


def load_model(code_dir):
    return "the model"


def score(data, model, **kwargs):
    return pd.DataFrame({"answer": ["fine"] * len(data)})


def chat(params, model, headers):
    assert model == "the model"
    action, _, argument = params["messages"][-1]["content"].partition(":")
    if action == "raise":
        raise ValueError(argument)
    if action == "http":
        raise CustomHTTPError(argument, 418)
    if action == "params":
        return Answer(json.dumps(params, sort_keys=True))
    return ACTIONS[action](argument, headers)
"""

MODELS = """
from types import SimpleNamespace


class Model:
    object = "model"

    def to_dict(self):
        return {"id": "llm-1", "object": "model"}


def get_supported_llm_models(model):
    assert model == "the model"
    return [Model(), SimpleNamespace(object="tool"), {"object": "model"}]
"""


def chatting(folders: Folders) -> Folder:
    folder = folders.make("chat", {"custom.py": CHAT})
    return folder.of_type("textgeneration").with_env(TARGET_NAME="answer")


def listing(folders: Folders) -> Folder:
    folder = folders.make("chat_models", {"custom.py": CHAT + MODELS})
    return folder.of_type("textgeneration").with_env(TARGET_NAME="answer")
