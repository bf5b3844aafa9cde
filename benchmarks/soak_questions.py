"""What is asked in a soak: requests of every route and format, good and bad, and their answers."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

# Answers twice the column `a`; 500 where the column `b` says so.
CUSTOM = """
import json
from types import SimpleNamespace

import pandas as pd


def load_model(code_dir):
    return 2.0


def score(data, model, **kwargs):
    if (data["b"] == 13).any():
        raise ValueError("thirteen")
    return pd.DataFrame({"Predictions": data["a"] * model})


class Said:
    def __init__(self, kind, key, text):
        self.object = kind
        self.told = {"object": kind, "choices": [{key: {"content": text}}]}
        self.choices = [SimpleNamespace(**{key: SimpleNamespace(content=text)})]

    def to_dict(self):
        return self.told

    def to_json(self, **options):
        return json.dumps(self.told, **options)


def chat(params, model, **kwargs):
    text = params["messages"][-1]["content"]
    if params.get("stream"):
        return (Said("chat.completion.chunk", "delta", letter) for letter in text)
    return Said("chat.completion", "message", text)
"""
MAX_BODY = 2 * 1024 * 1024
BOUNDARY = "0f1e2d3c"
JSON_TYPE = "application/json"
ROW_PATHS = ("/predict/", "/predictions", "/invocations")
STATUS_PATHS = ("/", "/ping/", "/livez", "/readyz", "/health/", "/info/", "/capabilities/")
STATUS_PATHS += ("/stats/", "/metrics", "/v2", "/v2/health/ready")
ONE_AND_MANY = (1, 1, 1, 10, 100, 20_000)


@dataclass(frozen=True)
class Question:
    """A request and what is right about its answer."""

    name: str
    method: str
    path: str
    body: bytes
    content_type: str
    status: int
    right: Callable[[bytes], bool]

    def wire(self, keeps: bool) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: soak"]
        if not keeps:
            lines.append("Connection: close")
        if self.method == "POST":
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "\r\n"]).encode() + self.body


def anything(_answer: bytes) -> bool:
    return True


def is_json(answer: bytes) -> bool:
    return bool(json.loads(answer))


def predicts(values: list[float], answer: bytes) -> bool:
    return bool(json.loads(answer)["predictions"] == [2 * value for value in values])


def infers(values: list[float], answer: bytes) -> bool:
    return bool(json.loads(answer)["outputs"][0]["data"] == [2 * value for value in values])


def says(text: str, answer: bytes) -> bool:
    return bool(json.loads(answer)["choices"][0]["message"]["content"] == text)


def streams(text: str, answer: bytes) -> bool:
    events = [line[6:] for line in answer.decode().splitlines() if line.startswith("data: ")]
    told = [json.loads(event)["choices"][0]["delta"]["content"] for event in events[:-1]]
    return events[-1] == "[DONE]" and "".join(told) == text


def _csv(values: list[float]) -> tuple[bytes, str]:
    return ("a,b\n" + "".join(f"{value},1\n" for value in values)).encode(), "text/csv"


def _records(values: list[float]) -> tuple[bytes, str]:
    return json.dumps([{"b": 1, "a": value} for value in values]).encode(), JSON_TYPE


def _table(values: list[float]) -> pa.Table:
    return pa.table({"a": values, "b": [1] * len(values)})


def _arrow(values: list[float]) -> tuple[bytes, str]:
    sink = io.BytesIO()
    table = _table(values)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue(), "application/vnd.apache.arrow.stream"


def _parquet(values: list[float]) -> tuple[bytes, str]:
    sink = io.BytesIO()
    pq.write_table(_table(values), sink)
    return sink.getvalue(), "application/vnd.apache.parquet"


def _form(values: list[float]) -> tuple[bytes, str]:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="X"; filename="x.csv"\r\n\r\n'
    body = head.encode() + _csv(values)[0] + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


FORMATS = (_csv, _records, _arrow, _parquet, _form)


def _rows(random: Random) -> Question:
    values = [random.randrange(-999, 999) / 8 for _ in range(random.choice(ONE_AND_MANY))]
    kind = random.choice(FORMATS)
    body, content_type = kind(values)
    path = random.choice(ROW_PATHS)
    name = f"rows{kind.__name__}"
    return Question(name, "POST", path, body, content_type, 200, partial(predicts, values))


def _tensors(random: Random) -> Question:
    values = [random.randrange(-999, 999) / 8 for _ in range(random.choice((1, 5, 500)))]
    shape = [len(values), 1]
    inputs = [
        {"name": "a", "shape": shape, "datatype": "FP64", "data": values},
        {"name": "b", "shape": shape, "datatype": "INT64", "data": [1] * len(values)},
    ]
    body = json.dumps({"inputs": inputs}).encode()
    path = "/v2/models/model/infer"
    return Question("tensors", "POST", path, body, JSON_TYPE, 200, partial(infers, values))


def _chat(random: Random) -> Question:
    text = "".join(random.choices("abcdefgh ", k=random.randrange(1, 40)))
    stream = random.random() < 0.5
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
    right = partial(streams if stream else says, text)
    body = json.dumps(asked).encode()
    path = random.choice(("/chat/completions", "/v1/chat/completions/"))
    name = "chat stream" if stream else "chat"
    return Question(name, "POST", path, body, JSON_TYPE, 200, right)


def _status(random: Random) -> Question:
    path = random.choice(STATUS_PATHS)
    return Question("status route", "GET", path, b"", "", 200, anything)


def _mistake(random: Random) -> Question:
    post = partial(Question, "mistake", "POST")
    arrow = "application/vnd.apache.arrow.stream"
    return random.choice(
        (
            post("/predict/", b"a,b\n1,2\n3,4,5,6\n", "text/csv", 422, is_json),
            post("/predict/", b"", "text/csv", 422, is_json),
            post("/predict/", b"[{]", JSON_TYPE, 400, is_json),
            post("/predict/", random.randbytes(200), arrow, 422, is_json),
            post("/v2/models/model/infer", b'{"inputs": 3}', JSON_TYPE, 400, is_json),
            post("/v2/models/other/infer", b'{"inputs": []}', JSON_TYPE, 404, is_json),
            post("/chat/completions", b"{", JSON_TYPE, 400, is_json),
            post("/predict/", b"a,b\n1,13\n", "text/csv", 500, is_json),
            post("/predict/", b"a,b\n" + b"1,1\n" * (MAX_BODY // 4), "text/csv", 413, is_json),
            post("/nowhere", b"x", "text/csv", 404, is_json),
            Question("mistake", "GET", "/predict/", b"", "", 405, is_json),
        )
    )


def _noise(random: Random) -> Question:
    """What no parser takes."""
    path = "/" + "".join(chr(random.randrange(1, 32)) for _ in range(3))
    return Question("no HTTP", "GET", path, b"", "", 400, anything)


_KINDS = ((_rows, 10), (_tensors, 3), (_chat, 3), (_status, 4), (_mistake, 3), (_noise, 1))


def question(random: Random) -> Question:
    kinds, weights = zip(*_KINDS, strict=True)
    kind: Callable[[Random], Question] = random.choices(kinds, weights)[0]
    return kind(random)


def websocket_noise(random: Random) -> bytes:
    """The first bytes of something else, as scanners send them."""
    return random.choice((b"\x16\x03\x01\x02\x00\x01", struct.pack(">I", 2**31), b"SSH-2.0-x\r\n"))
