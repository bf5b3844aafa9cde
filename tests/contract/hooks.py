"""Sources of ``custom.py`` files. The data tells the hooks what to do, so that one loaded
folder shows many behaviours.

* A column ``out:<name>`` is a column that the ``score`` hook returns as ``<name>``.
* The first cell of a column ``do`` is ``<hook>:<action>``.
"""

ACTIONS = '''
import time
from pathlib import Path

import numpy as np
import pandas as pd

from datarobot_drum import CustomHTTPError
from datarobot_drum.drum.exceptions import BaseCustomUserError

PATIENCE = 60


class TeapotError(BaseCustomUserError):
    status_code = 418


class Panic(BaseException):
    pass  # as extensions written in Rust raise when they panic


def order_of(data, hook):
    """The action that the data wants of this hook, or nothing."""
    if not isinstance(data, pd.DataFrame) or "do" not in data or not len(data):
        return ""
    wanted, _, action = str(data["do"].iloc[0]).partition(":")
    return action if wanted == hook else ""


def act(action, frame):
    """What every hook can be told to do with its result."""
    if action == "raise":
        raise ValueError(f"the {len(frame)} rows are unlucky")
    if action == "http":
        raise CustomHTTPError("come back tomorrow", 429)
    if action == "http_default":
        raise CustomHTTPError()
    if action == "path":
        open(__file__ + ".missing")
    if action == "teapot":
        raise TeapotError("short and stout")
    if action == "exit":
        raise SystemExit(3)
    if action == "panic":
        raise Panic("called `unwrap()` on a `None` value")
    if action == "interrupt":
        raise KeyboardInterrupt
    if action == "list":
        return [1, 2]
    if action == "none":
        return None
    if action == "fewer":
        return frame.iloc[:-1]
    if action == "more":
        return pd.concat([frame, frame.iloc[:1]])
    if action == "odd_index":
        return frame.set_axis(range(7, 7 + len(frame)))
    if action == "strings":
        return frame.astype(str)
    if action == "nested":
        return frame.assign(nested=[{"a": [1, None]}] * len(frame))
    if action == "moment":
        return frame.assign(moment=pd.Timestamp("2020-01-02 03:04:05"))
    if action.startswith("hold "):
        hold(Path(action.removeprefix("hold ")))
    return frame


def hold(folder):
    """Say that the model is busy, and stay so until the file ``go`` is there."""
    started = folder / f"started-{time.monotonic_ns()}"
    started.touch()
    deadline = time.monotonic() + PATIENCE
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    started.rename(folder / started.name.replace("started", "ended"))
'''

ECHO = (
    ACTIONS
    + """

def load_model(code_dir):
    return "a model"


def score(data, model, **kwargs):
    picked = [name for name in data.columns if name.startswith("out:")]
    frame = data[picked].rename(columns=lambda name: name.removeprefix("out:"))
    if order_of(data, "score") == "kwargs":
        shown = {
            name: sorted(value) if isinstance(value, dict) else str(value)
            for name, value in kwargs.items()
        }
        return frame.assign(kwargs=[shown] * len(frame), model=model)
    return act(order_of(data, "score"), frame)
"""
)

# The arithmetic does not commute, so a wrong order of the hooks shows in the numbers.
ALL_HOOKS = (
    ACTIONS
    + """
import io

state = {"calls": []}


def init(**kwargs):
    state["calls"].append("init")
    state["init"] = sorted(kwargs)
    state["code_dir"] = kwargs["code_dir"]


def load_model(code_dir):
    state["calls"].append("load_model")
    assert code_dir == state["code_dir"]
    return {"factor": 10}


def read_input_data(input_binary_data):
    state["bytes"] = type(input_binary_data).__name__
    if input_binary_data == b"read:none":
        return None
    if input_binary_data == b"read:raise":
        raise ValueError("cannot read this")
    if input_binary_data == b"read:http":
        raise CustomHTTPError("not this format", 415)
    text = input_binary_data.decode().replace(";", ",")
    return pd.read_csv(io.StringIO(text))


def transform(data, model):
    state["data"] = data
    if data is None:
        raise ValueError("no data")
    data = data.assign(x=data["x"] + 1)
    return act(order_of(data, "transform"), data)


def score(data, model, **kwargs):
    frame = pd.DataFrame({"Predictions": data["x"] * model["factor"]})
    action = order_of(data, "score")
    if action == "calls":
        return frame.assign(
            calls=",".join(state["calls"]), init=",".join(state["init"]), bytes=state["bytes"]
        )
    return act(action, frame)


def post_process(predictions, model):
    assert list(predictions.columns) == ["Predictions"]
    predictions = predictions + 5
    return act(order_of(state["data"], "post"), predictions)
"""
)

TRANSFORM = (
    ACTIONS
    + """

def load_model(code_dir):
    return 10


def transform(data, model):
    picked = [name for name in data.columns if name.startswith("out:")]
    frame = data[picked].rename(columns=lambda name: name.removeprefix("out:"))
    action = order_of(data, "transform")
    if action == "tuple":
        return frame, None
    if action == "sparse":
        return frame.astype(pd.SparseDtype(float, 0))
    return act(action, frame)
"""
)

# With a third argument the hook sees the target, which stays what it was.
TRANSFORM_WITH_TARGET = """
import pandas as pd


def load_model(code_dir):
    return 10


def transform(data, model, target):
    seen = "nothing" if target is None else ",".join(map(str, target.iloc[:, 0]))
    return data.assign(target=seen, model=model)
"""

UNSTRUCTURED = """
import json

from datarobot_drum import CustomHTTPError


def load_model(code_dir):
    return "a model"


def score_unstructured(model, data, **kwargs):
    query = kwargs["query"]
    want = query["return"] if "return" in query else "seen"
    if want == "seen":
        return json.dumps(seen(model, data, kwargs))
    if want == "raise":
        raise ValueError("no luck")
    if want == "http":
        raise CustomHTTPError("come back tomorrow", 429)
    if want == "bad request":
        from werkzeug.exceptions import BadRequest

        raise BadRequest("what is this?")
    if want == "starlette":
        from starlette.exceptions import HTTPException

        raise HTTPException(409, "already there")
    if want == "exit":
        raise SystemExit(2)
    if want == "panic":
        raise GeneratorExit("no luck")
    return {
        "str": "caf\u00e9",
        "empty": "",
        "bytes": b"\\x00\\xff",
        "none": None,
        "str none": ("text", None),
        "bytes none": (b"raw", None),
        "none none": (None, None),
        "csv": ("a,b", {"mimetype": "text/csv"}),
        "latin": ("caf\u00e9", {"charset": "latin-1"}),
        "both": ("caf\u00e9", {"mimetype": "text/html", "charset": "utf-16-le"}),
        "other keys": ("x", {"mimetype": "text/css", "status": 404}),
        "png": (b"png", {"mimetype": "image/png"}),
        "png charset": (b"png", {"mimetype": "image/png", "charset": "x"}),
        "dict": {"a": 1},
        "number": 5,
        "triple": ("a", {}, 1),
        "bad pair": ("a", "b"),
        "bad data": (1, {}),
    }[want]


def seen(model, data, kwargs):
    query, headers = kwargs.pop("query"), kwargs.pop("headers")
    return {
        "model": model,
        "type": type(data).__name__,
        "data": data if isinstance(data, str) else data.hex(),
        "query": {name: query.getlist(name) for name in query},
        "headers": {name.lower(): value for name, value in headers.items()},
        "headers type": type(headers).__name__,
        **kwargs,
    }
"""
