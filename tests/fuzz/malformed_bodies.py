"""Requests whose body is wrong."""

from __future__ import annotations

import base64
import gzip
import json
from random import Random

from tests.fuzz.tables import any_table
from tests.fuzz.well_formed import (
    CHAT,
    CSV,
    FORM,
    GOOD,
    INFER,
    JSON,
    JSON_PATHS,
    MTX,
    PATHS,
    ROW_PATHS,
    TYPES,
    file_part,
    form,
    noise,
    request,
)

# An Arrow stream of 20,000,000 rows of nothing.
_ARROW_NULLS = base64.b64decode(
    "/////3AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAEAAAAUAAAA"
    "EAAUAAgABgAHAAwAAAAQABAAAAAAAAEBEAAAABgAAAAEAAAAAAAAAAEAAABhAAAABAAEAAQAAAAAAAAA"
    "/////1gAAAAUAAAAAAAAAAAACgAOAAYABQAIAAoAAAAAAwQAEAAAAAAACgAUAAwABAAIAAoAAAAUAAAA"
    "DAAAAAAtMQEAAAAAAAAAAAEAAAAALTEBAAAAAAAtMQEAAAAA/////wAAAAA="
)


def mutated(random: Random, data: bytes) -> bytes:
    """The data with a few places cut, doubled, swapped or filled with noise."""
    for _ in range(random.randint(1, 5)):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.randrange(1, 20))
        patch = random.choice((b"", data[start:end] * 2, data[start:end][::-1], noise(random, 8)))
        data = data[:start] + patch + data[end:]
    return data


def mutated_request(random: Random) -> bytes:
    return mutated(random, random.choice(GOOD))


def mutated_body(random: Random) -> bytes:
    path = random.choice(ROW_PATHS + JSON_PATHS)
    body = random.choice((CSV, JSON, MTX, CHAT, INFER, form(file_part(CSV))))
    return request(path, mutated(random, body), random.choice(TYPES))


def table(random: Random) -> bytes:
    """Nothing wrong but, perhaps, its values."""
    kind, body = any_table(random)
    return request(random.choice(ROW_PATHS), body, kind)


def mutated_table(random: Random) -> bytes:
    kind, body = any_table(random)
    return request(random.choice(ROW_PATHS), mutated(random, body), kind)


def truncated_form(random: Random) -> bytes:
    body = form(file_part(CSV), file_part(b"a\nb", b"X.colnames"))
    cut = body[: random.randrange(len(body))]
    return request(random.choice(ROW_PATHS), cut, FORM)


def odd_form(random: Random) -> bytes:
    odd = (
        file_part(CSV, name=b"X" * 20_000),
        file_part(CSV, filename=b"..\\..\\x\x00.csv"),
        file_part(CSV, filename=b"x.mtx"),
        file_part(CSV, name=b"X.colnames"),
        b"Content-Disposition: form-data\r\n\r\n" + CSV,
        b"Content-Disposition: attachment; filename*=UTF-9''%ff\r\n\r\n" + CSV,
        b'Content-Disposition: form-data; name="X\r\n\r\n' + CSV,
        b"\r\n" + CSV,
        b"A: b\r\n" * 2000 + b"\r\n" + CSV,
        CSV,
    )
    parts = random.choices(odd, k=random.choice((1, 1, 2, 3, 1200)))
    types = (FORM, FORM + b"; charset=nonsense", b"multipart/form-data", FORM.upper(), FORM * 50)
    return request(random.choice(ROW_PATHS), form(*parts), random.choice(types))


def random_bytes(random: Random) -> bytes:
    return noise(random, 2000) + random.choice((b"", b"\r\n\r\n"))


def random_body(random: Random) -> bytes:
    return request(random.choice(ROW_PATHS + JSON_PATHS), noise(random, 3000), random.choice(TYPES))


def deep_json(random: Random) -> bytes:
    depth = random.choice((100, 1_000, 20_000, 100_000))
    text = random.choice(
        (
            b"[" * depth,
            b"[" * depth + b"]" * depth,
            b'{"a":' * depth + b"1" + b"}" * depth,
            b'{"inputs":' + b"[" * depth + b"]" * depth + b"}",
            b'{"messages":' + b"[" * depth + b"]" * depth + b"}",
            b'{"columns":["a"],"data":' + b"[" * depth + b"1" + b"]" * depth + b"}",
        )
    )
    paths = (b"/predict/", *JSON_PATHS)
    return request(random.choice(paths), text, b"application/json")


def odd_json(random: Random) -> bytes:
    odd = (
        *(1e400, -0.0, 2**70, "\ud800", "", None, True, [], {}, [[]], [{}], {"a": []}),
        *({"columns": ["a"], "data": [[1, 2]]}, {"columns": ["a", "a"], "data": [[1, 2]]}),
        *({"columns": [1], "data": {}}, {"columns": "ab", "data": [[1, 2]]}, {"instances": 5}),
        *({"dataframe_split": []}, {"dataframe_records": [1]}, {"inputs": [{}]}, {"inputs": 1}),
        *({"inputs": [{"name": "a", "shape": [-1], "datatype": "FP64", "data": []}]},),
        *({"inputs": [{"name": "a", "shape": [10**12], "datatype": "INT8", "data": [1]}]},),
        *({"inputs": [{"name": "a", "shape": [1], "datatype": "BYTES", "data": [{}]}]},),
        *({"inputs": [{"name": "a", "shape": [1], "datatype": "UINT8", "data": [-1]}]},),
        *({"messages": "x", "stream": 1}, {"messages": [1]}, {"model": {}, "messages": {}}),
        *([{"a": 1}, {"b": [1]}, 5], [{"a": {"b": 1}}], [{"": None}], [[1, 2], [3]]),
    )
    text = json.dumps(random.choice(odd)).encode()
    return request(random.choice((b"/predict/", *JSON_PATHS)), text, b"application/json")


def nul(random: Random) -> bytes:
    body = random.choice((CSV, JSON, CHAT, MTX, INFER))
    place = random.randrange(len(body))
    body = body[:place] + b"\x00" * random.choice((1, 1, 5000)) + body[place:]
    path = random.choice((*PATHS, b"/pre\x00dict/", b"/predict/%00", b"/info/?\x00"))
    return request(path, body, random.choice(TYPES))


def wrong_encoding(random: Random) -> bytes:
    text = random.choice((CSV, JSON, CHAT, INFER)).decode() + "grüße\n"
    encoded = random.choice(
        (
            *(text.encode("utf-16"), text.encode("utf-32-be"), text.encode("latin-1")),
            *(text.encode("utf-8")[:-2], gzip.compress(text.encode()), text.encode("utf-7")),
            *(b"\xed\xa0\x80" + text.encode(), b"\xef\xbb\xbf" * 3 + text.encode()),
        )
    )
    charset = random.choice(
        (b"", b"; charset=utf-16", b"; charset=nonsense", b"; charset=\xff", b"; charset=zip")
    )
    charset = random.choice(
        (charset, b"; charset=rot13", b"; charset=idna", b"; charset=unicode_escape")
    )
    paths = ROW_PATHS + JSON_PATHS
    return request(random.choice(paths), encoded, random.choice(TYPES) + charset)


def odd_csv(random: Random) -> bytes:
    odd = (
        *(
            b"",
            b"\n",
            b"\n\n\n",
            b"a\n",
            b",,,\n1,2\n",
            b'"a\n1\n',
            b'a,b\n"1,2\n',
            b"a,b\n1\n2,3,4\n",
        ),
        *(
            b"a" * 200_000,
            b"a," * 20_000 + b"\n1\n",
            b"a\n" + b"9" * 5_000,
            b"a\r1\r2",
            b"a\n1e999\n-inf\n",
        ),
        *(
            b"a,a,a.1\n1,2,3\n",
            b"\xef\xbb\xbfa\n1\n",
            b"Unnamed: 0,\n,\n",
            b"a;b\n1;2\n",
            b"a\n\x1a\n",
        ),
        *(b'a\n"' + b'""' * 1000, b"a\n" * 3000, b"a,b\n" + b",\n" * 3000, b"a\n0x1F\n1_000\n"),
    )
    return request(
        random.choice(ROW_PATHS),
        random.choice(odd),
        random.choice((b"text/csv", b"text/plain", b"")),
    )


def odd_matrix(random: Random) -> bytes:
    kind = random.choice((b"coordinate", b"array", b"x"))
    field = random.choice((b"real", b"complex", b"pattern", b"integer", b"\xff"))
    symmetry = random.choice((b"general", b"symmetric", b"hermitian", b"skew-symmetric"))
    sizes = (
        b"2 2 1",
        b"0 0 0",
        b"-1 2 1",
        b"99999999999 1 1",
        b"1 99999999999 1",
        b"2 2",
        b"",
        b"3 3 9" * 9,
    )
    rows = (b"1 1 1", b"3 3 1", b"0 0 1", b"1 1", b"a b c", b"1 1 1e999", b"1 1 1 1", b"")
    head = b"%%MatrixMarket matrix " + b" ".join((kind, field, symmetry))
    text = b"\n".join((head, random.choice(sizes), *random.choices(rows, k=3)))
    return request(random.choice(ROW_PATHS), text, b"text/mtx")


def bomb(random: Random) -> bytes:
    """A small body that stands for a large table."""
    width, count = random.choice((1, 300, 20_000)), random.choice((1, 300, 20_000))
    kind = random.choice(
        (b"text/csv", b"text/mtx", b"records", b"rows", b"application/vnd.apache.arrow.stream")
    )
    if kind == b"text/csv":
        body = b"a," * width + b"\n" + random.choice((b"1\n", b'"1"\r\n', b"\n")) * count
    elif kind == b"text/mtx":
        head = b"%%MatrixMarket matrix coordinate real general"
        body = b"%b\n%d %d 1\n1 1 1\n" % (head, 10**9, width)
    elif kind == b"records":
        body = json.dumps([{f"k{n}": 1} for n in range(min(count, 6_000))]).encode()
    elif kind == b"rows":
        body = b"[" + b",".join([b"[%b]" % b",".join([b"1"] * width)] * min(count, 300)) + b"]"
    else:
        body = random.choice((_ARROW_NULLS, mutated(random, _ARROW_NULLS)))
    if not kind.startswith((b"text", b"app")):
        kind = b"application/json"
    return request(random.choice(ROW_PATHS), body, kind)
