"""Inference requests of the V2 protocol: every datatype, in JSON and as binary data."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

from tests.fuzz.tables import NUMBERS, TEXTS
from tests.fuzz.well_formed import request

WIDTHS = {
    "BOOL": 1,
    "INT8": 1,
    "UINT8": 1,
    "INT16": 2,
    "UINT16": 2,
    "FP16": 2,
    "BF16": 2,
    "INT32": 4,
    "UINT32": 4,
    "FP32": 4,
    "INT64": 8,
    "UINT64": 8,
    "FP64": 8,
    "BYTES": 0,
}
_PATHS = (
    b"/v2/models/model/infer",
    b"/v2/models/model/infer",
    b"/v2/models/model/versions/1/infer",
)


def odd_tensors(random: Random) -> bytes:
    """Mostly right; now and then a shape, a size or a datatype that does not fit."""
    rows = random.choice((0, 1, 2, 5))
    inputs, tails = [], []
    for number in range(random.randint(1, 3)):
        content, tail = _input(random, f"c{number}", rows)
        inputs.append(content)
        tails.append(tail)
    body: dict[str, Any] = {"inputs": inputs}
    if random.random() < 0.3:
        body["parameters"] = random.choice(
            ({"binary_data_output": True}, {"content_type": "pd"}, {"binary_data_output": 1}, [], 5)
        )
    if random.random() < 0.3:
        output = {"name": random.choice(("Predictions", "predictions", "x"))}
        if random.random() < 0.5:
            output["parameters"] = {"binary_data": random.choice((True, False, 1))}  # type: ignore[assignment]
        body["outputs"] = [output]
    text, binary = json.dumps(body).encode(), b"".join(tails)
    length = len(text) + random.choice((0, 0, 0, 0, 1, -1, 10**6))
    headers = [b"Inference-Header-Content-Length: %d" % length]
    if not binary and random.random() < 0.8:
        headers = []
    kind = random.choice((b"application/json", b"application/octet-stream"))
    return request(random.choice(_PATHS), text + binary, kind, *headers)


def _input(random: Random, name: str, rows: int) -> tuple[dict[str, Any], bytes]:
    datatype = random.choice((*WIDTHS, "FP64", "BYTES"))
    shape = random.choice(([rows], [rows], [rows, 1], [rows, 2], [rows, 2, 1], [], [rows + 1]))
    count = 1
    for size in shape:
        count *= size
    content: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}
    if random.random() < 0.05:
        content["datatype"] = random.choice(("FP8", "", 5, None))
    if random.random() < 0.1:
        content["parameters"] = {"content_type": random.choice(("str", "base64", "np", "pd", 5))}
    if random.random() < 0.5:
        content["data"] = [_cell(random, datatype) for _ in range(count)]
        return content, b""
    tail = _binary(random, datatype, count)
    size = len(tail) + random.choice((0, 0, 0, 0, 0, 1, -1))
    content["parameters"] = {"binary_data_size": size}
    return content, tail


def _cell(random: Random, datatype: str) -> Any:
    if datatype == "BYTES":
        return random.choice(TEXTS)
    if datatype == "BOOL":
        return random.random() < 0.5
    if datatype.startswith(("FP", "BF")):
        return random.choice((*NUMBERS, 0.25, None))
    return random.choice((0, 1, 1, 2, -1, 127, 300))


def _binary(random: Random, datatype: str, count: int) -> bytes:
    if datatype != "BYTES":
        return random.randbytes(WIDTHS[datatype] * count)
    pieces = []
    for _ in range(count):
        text = random.choice((*(text.encode() for text in TEXTS), b"\xff\xfe", b"\x00"))
        length = len(text) if random.random() < 0.95 else random.choice((0, 2**31, 2**32 - 1))
        pieces.append(struct.pack("<I", length) + text)
    return b"".join(pieces)
