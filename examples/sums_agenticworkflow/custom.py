import operator
import re

import pandas as pd
from openai.types.chat import ChatCompletion

SUM = re.compile(r"(-?\d+(?:\.\d+)?)\s*([-+*/])\s*(-?\d+(?:\.\d+)?)")
TOOLS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def load_model(code_dir):
    return TOOLS


def work(tools, prompt):
    found = SUM.search(prompt)
    if found is None:
        return "I know sums only."
    left, tool, right = found.groups()
    return f"{left} {tool} {right} = {tools[tool](float(left), float(right)):g}"


def score(data, model, **kwargs):
    return pd.DataFrame({"answer": [work(model, prompt) for prompt in data["promptText"]]})


def chat(params, model, **kwargs):
    message = {"role": "assistant", "content": work(model, params["messages"][-1]["content"])}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    names = {"id": "sum-1", "created": 0, "model": "sums"}
    return ChatCompletion(object="chat.completion", choices=[choice], **names)
