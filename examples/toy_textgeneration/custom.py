import itertools
from pathlib import Path

import pandas as pd
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.model import Model

NAMES = {"id": "chat-1", "created": 0, "model": "toy"}


def load_model(code_dir):
    """Which word followed which in the text, the last one where there were several."""
    words = (Path(code_dir) / "corpus.txt").read_text().lower().split()
    return dict(itertools.pairwise(words))


def words_after(model, prompt):
    word = prompt.lower().split()[-1]
    for _ in range(5):
        word = model.get(word, "the")
        yield word


def score(data, model, **kwargs):
    answers = [" ".join(words_after(model, prompt)) for prompt in data["promptText"]]
    return pd.DataFrame({"completion": answers})


def chat(params, model, **kwargs):
    words = words_after(model, params["messages"][-1]["content"])
    if params.get("stream"):
        return (chunk(word) for word in words)
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return ChatCompletion(object="chat.completion", choices=[choice], **NAMES)


def chunk(word):
    choice = {"index": 0, "delta": {"content": word + " "}}
    return ChatCompletionChunk(object="chat.completion.chunk", choices=[choice], **NAMES)


def get_supported_llm_models(model):
    return [Model(id="toy", object="model", created=0, owned_by="you")]
