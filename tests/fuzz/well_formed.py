"""Requests as they should be, as the bytes that go over the wire, and what to build others from."""

from __future__ import annotations

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
