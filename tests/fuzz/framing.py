"""Bodies that are framed, announced or asked for in unusual ways, most of them allowed."""

from __future__ import annotations

import gzip
import zlib
from random import Random

from tests.fuzz.tables import any_table
from tests.fuzz.well_formed import CHAT, INFER, ROW_PATHS, STATUS_PATHS, noise, request


def any_body(random: Random) -> tuple[bytes, bytes, bytes]:
    """Path, content type and body."""
    if random.random() < 0.2:
        return b"/v2/models/model/infer", b"application/json", INFER
    if random.random() < 0.1:
        return b"/v1/chat/completions", b"application/json", CHAT
    return random.choice(ROW_PATHS), *any_table(random)


def odd_chunks(random: Random) -> bytes:
    """Chunks of any size, with extensions and trailers; a few break the rules of one place."""
    path, kind, body = any_body(random)
    pieces = []
    while body:
        size = random.choice((1, 2, 7, 100, len(body), 100_000))
        piece, body = body[:size], body[size:]
        pieces.append(_size(random, len(piece)) + _end(random) + piece + _end(random))
        if len(pieces) == 200:
            break
    pieces += [_size(random, len(body)) + b"\r\n" + body + b"\r\n"] if body else []
    trailers = random.choices(
        (
            *(b"X-Sum: 1", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: other"),
            *(b"Expires: 0", b"X: " + b"a" * 9_000, b"no colon", b"X: \x00", b" folded", b": x"),
        ),
        k=random.choice((0, 0, 1, 3)),
    )
    last = random.choice((b"0", b"0", b"000", b"0;a=b")) + b"\r\n"
    tail = last + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"
    framed = b"".join(pieces) + random.choice((tail, tail, tail, b"", tail * 2))
    headers = [b"Transfer-Encoding: chunked"]
    if trailers:
        headers.append(random.choice((b"Trailer: X-Sum", b"TE: trailers")))
    return request(path, framed, kind, *headers, length=None)


def _size(random: Random, size: int) -> bytes:
    text = random.choice((b"%x", b"%X", b"000%x", b"%x", b"%x")) % size
    extensions = (b";a", b";a=b", b';a="b;c"', b"; a = b", b";" + b"x" * 300, b";\x00", b' ;"')
    return text + (random.choice(extensions) if random.random() < 0.1 else b"")


def _end(random: Random) -> bytes:
    return b"\r\n" if random.random() < 0.995 else random.choice((b"\n", b"\r", b"", b"\r\r\n"))


def announced(random: Random) -> bytes:
    """A body that is compressed and says so, or says so and is not."""
    path, kind, body = any_body(random)
    sent = random.choice((body, gzip.compress(body), zlib.compress(body), body[:-1]))
    codings = (
        b"gzip",
        b"deflate",
        b"GZIP",
        b"x-gzip",
        b"br",
        b"zstd",
        b"identity",
        b"",
        b"gzip, gzip",
    )
    return request(path, sent, kind, b"Content-Encoding: " + random.choice(codings))


def expecting(random: Random) -> bytes:
    path, kind, body = any_body(random)
    value = random.choice((b"100-continue", b"100-Continue", b"100-continue, x", b"200-ok", b""))
    sent = random.choice((body, body, b"", body[: len(body) // 2]))
    length = str(len(body)).encode() if random.random() < 0.7 else b"99999999999"
    return request(path, sent, kind, b"Expect: " + value, length=length)


_ACCEPTS = (
    *(b"*/*", b"text/csv", b"application/json", b"application/vnd.apache.arrow.stream", b""),
    *(b"text/*;q=0", b"text/csv;q=2", b"text/csv;q=nan", b"*/*;q=0", b"a/b/c", b"/", b"*", b",,,"),
    *(b"text/csv;q=0.5, application/json;q=0.4", b'text/csv; a="b,c"', b"TEXT/CSV", b"text/csv;;;"),
    *(
        b"application/json;q=" + b"9" * 400,
        b"text/csv" + b" " * 3000,
        b"\xff/\xfe",
        b"text/event-stream",
    ),
)
_MORE = (
    *(b"Range: bytes=0-1", b"Range: bytes=-5", b"Range: bytes=5-1, 0-0", b"Range: rows=0-1"),
    *(b"If-Range: x", b"If-Match: *", b"If-None-Match: *", b"If-Modified-Since: yesterday"),
    *(b"Accept-Encoding: gzip;q=0, *;q=0", b"Accept-Charset: utf-16", b"Accept-Language: \xff"),
    *(b"X-Request-ID: a", b"X-Request-ID: " + b"i" * 500, b"X_Request_ID: b", b"X_Request-ID: c"),
    *(b"Connection: keep-alive", b"Connection: close, x", b"Keep-Alive: timeout=9", b"Via: 1.1 a"),
    *(
        b"X-Forwarded-For: a, b",
        b"X-Forwarded-Proto: https",
        b"Forwarded: for=x",
        b"Max-Forwards: 0",
    ),
    *(b"traceparent: 00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"Content-Language: de"),
    *(b"Transfer-Encoding: identity", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", b"Cookie: a"),
)


def negotiated(random: Random) -> bytes:
    """Long, repeated and unusual headers around a body that is right."""
    path, kind, body = any_body(random)
    headers = [b"Accept: " + random.choice(_ACCEPTS) for _ in range(random.choice((1, 1, 2)))]
    headers += random.choices(_MORE, k=random.randint(0, 4))
    if random.random() < 0.2:
        headers += [random.choice(_MORE)] * random.choice((2, 20, 120))
    if random.random() < 0.2:
        headers.append(b"X-Long: " + b"a" * random.choice((1_000, 8_100, 60_000)))
    if random.random() < 0.1:
        headers.append(b"Content-Type: " + random.choice((kind, b"text/plain", noise(random, 20))))
    if random.random() < 0.2:
        kind += random.choice(
            (b"; charset=utf-8", b';charset="UTF-8"', b"; a=b; a=c", b";", b" ;x")
        )
    if random.random() < 0.1:
        path, method = random.choice(STATUS_PATHS), random.choice((b"GET", b"HEAD", b"OPTIONS"))
        return request(path, b"", b"", *headers, method=method, length=None)
    return request(path, body, kind, *headers)
