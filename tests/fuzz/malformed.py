"""Malformed requests, as the bytes that go over the wire. The same seed makes the same ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

CSV = b"a,b\n1,2\n3,4\n"
JSON = b'{"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}'
MTX = b"%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1.5\n2 2 2.5\n"
CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}'
INFER = (
    b'{"inputs": [{"name": "a", "shape": [2], "datatype": "FP64", "data": [1, 2]},'
    b' {"name": "b", "shape": [2], "datatype": "FP64", "data": [3, 4]}]}'
)
BOUNDARY = b"0f1e2d"
FORM = b"multipart/form-data; boundary=" + BOUNDARY

ROW_PATHS = (
    b"/predict/",
    b"/predictions",
    b"/invocations",
    b"/transform/",
    b"/predictUnstructured/",
)
JSON_PATHS = (b"/chat/completions", b"/v1/chat/completions/", b"/v2/models/model/infer")
STATUS_PATHS = (b"/", b"/ping/", b"/info", b"/capabilities/", b"/v2", b"/v1/models", b"/livez")
PATHS = ROW_PATHS + JSON_PATHS + STATUS_PATHS
TYPES = (
    *(b"text/csv", b"application/json", b"text/mtx", b"text/plain", b"", FORM),
    *(b"application/vnd.apache.arrow.stream", b"application/vnd.apache.parquet"),
    *(b"application/octet-stream", b"application/x-www-form-urlencoded", b"multipart/form-data"),
)


@dataclass(frozen=True)
class Malformed:
    """One request; ``kind`` names what is wrong with it."""

    kind: str
    data: bytes


def request(
    path: bytes,
    body: bytes = b"",
    content_type: bytes = b"text/csv",
    *headers: bytes,
    method: bytes = b"POST",
    length: bytes | None = b"",
) -> bytes:
    """The bytes of a request. ``length``: empty for the true one, None for no header."""
    lines = [b"%b %b HTTP/1.1" % (method, path), b"Host: 127.0.0.1", b"Connection: close"]
    if content_type:
        lines.append(b"Content-Type: " + content_type)
    if length is not None:
        lines.append(b"Content-Length: " + (length or str(len(body)).encode()))
    return b"\r\n".join([*lines, *headers]) + b"\r\n\r\n" + body


def form(*parts: bytes) -> bytes:
    return (
        b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY, part) for part in parts) + b"--%b--\r\n" % BOUNDARY
    )


def file_part(content: bytes, name: bytes = b"X", filename: bytes = b"x.csv") -> bytes:
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"' % (name, filename)
    return head + b"\r\n\r\n" + content


GOOD = (
    request(b"/predict/", CSV),
    request(b"/predict/", JSON, b"application/json"),
    request(b"/predict/", MTX, b"text/mtx"),
    request(b"/invocations", form(file_part(CSV)), FORM),
    request(
        b"/predict",
        form(file_part(MTX, filename=b"x.mtx"), file_part(b"a\nb", b"X.colnames")),
        FORM,
    ),
    request(b"/transform/", form(file_part(CSV), file_part(b"t\n1\n2\n", b"y")), FORM),
    request(b"/predictUnstructured/?a=b&a=c", b"some text", b"text/plain; charset=utf-8"),
    request(b"/chat/completions", CHAT, b"application/json"),
    request(b"/v2/models/model/infer", INFER, b"application/json"),
    request(b"/info/", method=b"GET", length=None),
)


def noise(random: Random, most: int = 400) -> bytes:
    return random.randbytes(random.randrange(most))


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
    body = random.choice((CSV, JSON, MTX, CHAT, INFER, form(file_part(CSV)), _arrow(), _parquet()))
    return request(path, mutated(random, body), random.choice(TYPES))


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


def wrong_length(random: Random) -> bytes:
    lengths = (
        b"0",
        b"5",
        b"99999",
        b"-1",
        b"1e3",
        b"0x10",
        b"+12",
        b"12, 12",
        b"12, 13",
        b"9" * 40,
    )
    lengths += (b"\xb2", b"1_2", b" ", b"12;", b"\x0012")
    path = random.choice(PATHS)
    more = random.choice(((), (b"Content-Length: 3",), (b"Transfer-Encoding: chunked",)))
    return request(path, CSV, b"text/csv", *more, length=random.choice((*lengths, None)))


def huge_headers(random: Random) -> bytes:
    size = random.choice((4_000, 9_000, 70_000, 300_000))
    headers = random.choice(
        (
            [b"X-Long: " + b"a" * size],
            [b"X-%d: b" % number for number in range(size // 100)],
            [b"X" * size + b": a"],
            [b"Cookie: " + b"a=b; " * (size // 5)],
            [b"Accept: " + b"text/csv;q=0.5," * (size // 15)],
            [b"X-Request-Id: " + b"i" * size],
        )
    )
    return request(random.choice(PATHS), CSV, b"text/csv", *headers)


def odd_headers(random: Random) -> bytes:
    odd = (
        *(
            b"No-Colon",
            b": no name",
            b"Spa ce: x",
            b"X: \x00",
            b"X: \xff\xfe",
            b"X\xff: y",
            b" folded",
        ),
        *(b"Accept: " + noise(random, 40), b"X-Request-Id: " + noise(random, 40)),
        *(b"Content-Type: " + noise(random, 40), b"Host: " + noise(random, 20), b"Host: a"),
        *(
            b"Content-Encoding: gzip",
            b"Content-Encoding: br",
            b"Expect: 100-continue",
            b"Expect: x",
        ),
        *(b"Upgrade: websocket", b"Connection: Upgrade, HTTP2-Settings", b"Range: bytes=0-1"),
        *(b"traceparent: " + noise(random, 30), b"baggage: =,=;,", b"Authorization: Bearer"),
        *(b"Inference-Header-Content-Length: 7", b"Inference-Header-Content-Length: -1"),
        *(b"Origin: \x00", b"Access-Control-Request-Method: " + noise(random, 10), b"TE: trailers"),
    )
    path, body = random.choice(((b"/predict/", CSV), (b"/v2/models/model/infer", INFER)))
    return request(path, body, random.choice(TYPES), *random.choices(odd, k=random.randint(1, 3)))


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


def chunked(random: Random) -> bytes:
    chunks = (
        *(
            b"c\r\n" + CSV + b"\r\n0\r\n\r\n",
            b"zz\r\n" + CSV,
            b"-1\r\n\r\n",
            b"ffffffffffffffff\r\n" + CSV,
        ),
        *(
            b"c\r\n" + CSV,
            b"c" + CSV,
            b"0\r\n\r\n" + CSV,
            b"c\r\n" + CSV + b"0\r\n\r\n",
            b"\r\n\r\n",
            b"",
        ),
        *(
            b"c;" + b"x" * 20_000 + b"\r\n" + CSV + b"\r\n0\r\n\r\n",
            b"0x0c\r\n" + CSV + b"\r\n0\r\n\r\n",
        ),
        *(
            b"c\r\n" + CSV + b"\r\n0\r\nTrailer: a\r\n\r\n",
            b"1\r\na\r\n" * 3000,
            b"c\n" + CSV + b"\n0\n\n",
        ),
        *(b"5\r\na,b\n1\r\n" + noise(random), b"\x00\r\n\r\n"),
    )
    codings = (
        b"chunked",
        b"Chunked",
        b"chunked, chunked",
        b"gzip, chunked",
        b"identity",
        b"x",
        b"\x0bchunked",
        b"",
    )
    header = b"Transfer-Encoding: " + random.choice(codings)
    path = random.choice(ROW_PATHS + JSON_PATHS)
    return request(path, random.choice(chunks), random.choice(TYPES), header, length=None)


def odd_target(random: Random) -> bytes:
    targets = (
        *(
            b"*",
            b"//",
            b"/../../etc/passwd",
            b"/%2e%2e/",
            b"/%",
            b"/%zz",
            b"/%ff",
            b"/\xff",
            b"/a b",
        ),
        *(b"http://other/ping/", b"http://[::1", b"predict", b"", b"/predict/?" + b"a=b&" * 3000),
        *(
            b"/" + b"a" * 100_000,
            b"/predict/#x",
            b"/predict/;a=b",
            b"/v2/models/%2F/infer",
            b"/nim/%0d%0a",
        ),
        *(
            b"/directAccess/" + noise(random, 30),
            b"/v2/models/" + noise(random, 20),
            b"/?" + noise(random),
        ),
        *(
            b"/v2/models/model/versions/-1/infer",
            b"/ping/" * 500,
            b"/predict/%C3%28",
            b"/%E2%80%AE",
        ),
    )
    methods = (
        b"GET",
        b"POST",
        b"PUT",
        b"HEAD",
        b"OPTIONS",
        b"TRACE",
        b"CONNECT",
        b"PATCH",
        b"M" * 300,
    )
    methods += (b"get", b"P\xffST", b"PRI", b"")
    return request(random.choice(targets), CSV, method=random.choice(methods))


def odd_line(random: Random) -> bytes:
    lines = (
        *(
            b"GET / HTTP/9.9",
            b"GET / HTTP/1.0",
            b"GET /",
            b"GET",
            b"GET  /  HTTP/1.1",
            b"GET / HTTP/1.1 x",
        ),
        *(b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01", b"GET / http/1.1", b"GET / HTTP/1.1\x00"),
        *(b"GET\t/\tHTTP/1.1", b"GET / HTTP/0.9", b"GET / HTTP/-1.1", b"GET / HTTP/1.\xb2"),
    )
    ends = (
        b"\r\n\r\n",
        b"\n\n",
        b"\r\r",
        b"",
        b"\r\nHost: a\r\n\r\n",
        b"\r\nContent-Length: 4\r\n\r\nab",
    )
    return random.choice(lines) + random.choice(ends)


def _arrow() -> bytes:
    return (
        b"\xff\xff\xff\xffx\x00\x00\x00\x10\x00\x00\x00\x00\x00\n\x00\x0c\x00\x06\x00\x05\x00" * 3
    )


def _parquet() -> bytes:
    return (
        b"PAR1\x15\x04\x15\x10\x15\x14L\x15\x02\x15\x00\x12\x00\x00" * 4 + b"\x40\x00\x00\x00PAR1"
    )


KINDS: tuple[Callable[[Random], bytes], ...] = (
    *(mutated_request, mutated_request, mutated_body, mutated_body, truncated_form, odd_form),
    *(wrong_length, huge_headers, odd_headers, random_bytes, random_body, deep_json, odd_json),
    *(nul, wrong_encoding, odd_csv, odd_matrix, chunked, odd_target, odd_line),
)


def malformed(random: Random) -> Malformed:
    """One request of some kind."""
    make = random.choice(KINDS)
    return Malformed(make.__name__, make(random))
