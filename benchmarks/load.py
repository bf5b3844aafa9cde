"""Load for one HTTP target: `wrk` where it is installed, else a client of our own.

Both keep connections open, send one prepared POST again and again, and count answers whose
status is not 200 or whose body is not the expected one. Run as a program it prints one JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

PERCENTILES = (50, 90, 99, 99.9)
# Lua 5.1, as wrk runs it; one thread, so globals of the thread are those of the script.
WRK_SCRIPT = """
local function read(path)
  local file = io.open(path, "rb")
  local content = file:read("*a")
  file:close()
  return content
end
wrk.method = "POST"
wrk.body = read("{body}")
wrk.headers["Content-Type"] = "{content_type}"
local expected = {expected}
function setup(thread) worker = thread end
wrong = 0
function response(status, headers, body)
  if status ~= 200 or (expected and body ~= expected) then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local errors = summary.errors
  local wrong = worker:get("wrong") + errors.connect + errors.read + errors.write
  io.write(string.format("RESULT %d %d %d", summary.requests, wrong, summary.duration))
  for _, p in ipairs({ {percentiles} }) do
    io.write(string.format(" %d", latency:percentile(p)))
  end
  io.write("\\n")
end
"""


@dataclass
class LoadResult:
    """What a load brought: answers, wrong or missing ones among them, and seconds.

    Attributes:
        latency: seconds, by percentile.
    """

    generator: str
    answers: int
    wrong: int
    seconds: float
    latency: dict[str, float] = field(default_factory=dict)


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "benchmarks/load.py"


def run_load(
    url: str,
    body: Path,
    expected: Path | None,
    clients: int,
    seconds: float,
    content_type: str = "text/csv",
) -> LoadResult:
    """Load a target for some seconds and count.

    Args:
        body: file with the request's body.
        expected: file with the body of a right answer; None: only the status is checked.
        clients: connections, each with one request at a time.
    """
    if generator() == "wrk":
        return _run_wrk(url, body, expected, clients, seconds, content_type)
    wanted = None if expected is None else expected.read_bytes()
    return asyncio.run(_run_own(url, body.read_bytes(), wanted, clients, seconds, content_type))


def _run_wrk(
    url: str, body: Path, expected: Path | None, clients: int, seconds: float, content_type: str
) -> LoadResult:
    script = WRK_SCRIPT.replace("{body}", str(body)).replace("{content_type}", content_type)
    script = script.replace("{expected}", f'read("{expected}")' if expected else "nil")
    script = script.replace("{percentiles}", ", ".join(map(str, PERCENTILES)))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
        done = subprocess.run(
            [*words, "-s", file.name, url], capture_output=True, text=True, check=True
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    answers, wrong, microseconds, *latency = (int(word) for word in line.split()[1:])
    seconds_by = {str(p): us / 1e6 for p, us in zip(PERCENTILES, latency, strict=True)}
    return LoadResult("wrk", answers, wrong, microseconds / 1e6, seconds_by)


async def _run_own(
    url: str, body: bytes, expected: bytes | None, clients: int, seconds: float, content_type: str
) -> LoadResult:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    result = LoadResult("benchmarks/load.py", 0, 0, 0.0)
    times: list[float] = []
    started = time.perf_counter()
    deadline = started + seconds
    host, port = str(parts.hostname), int(parts.port or 80)
    await asyncio.gather(
        *(_client(host, port, request, expected, deadline, result, times) for _ in range(clients))
    )
    result.seconds = time.perf_counter() - started
    times.sort()
    result.latency = {str(p): times[int(len(times) * p / 100)] for p in PERCENTILES if times}
    return result


async def _client(
    host: str,
    port: int,
    request: bytes,
    expected: bytes | None,
    deadline: float,
    result: LoadResult,
    times: list[float],
) -> None:
    connection = None
    while (started := time.perf_counter()) < deadline:
        if connection is None:
            connection = await asyncio.open_connection(host, port)
        reader, writer = connection
        writer.write(request)
        status, body, closing = await _read_answer(reader)
        times.append(time.perf_counter() - started)
        result.answers += 1
        result.wrong += status != 200 or (expected is not None and body != expected)
        if closing:
            writer.close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Status, body, and whether the server closes the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    version, status = head.split(" ", 2)[:2]
    length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
    closing = "connection: close" in head or version == "http/1.0"
    return int(status), await reader.readexactly(length), closing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("body", type=Path, help="file with the request's body")
    parser.add_argument("expected", type=Path, nargs="?", help="file with the answer's body")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--content-type", default="text/csv")
    given = parser.parse_args()
    result = run_load(
        given.url, given.body, given.expected, given.clients, given.seconds, given.content_type
    )
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
