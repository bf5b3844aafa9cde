"""Requests whose line, headers or framing is wrong."""

from __future__ import annotations

from random import Random

from tests.fuzz.well_formed import CSV, INFER, JSON_PATHS, PATHS, ROW_PATHS, TYPES, noise, request


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
