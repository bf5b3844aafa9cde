"""Load for one HTTP target: `wrk` where it is installed, else a client of our own.

Both keep connections open, send one prepared POST again and again, and compare every answer's
body with the one that is expected. Run as a program it prints one JSON object.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

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
wrk.headers["Content-Type"] = "text/csv"
local expected = read("{expected}")
function setup(thread) worker = thread end
wrong = 0
function response(status, headers, body)
  if status ~= 200 or body ~= expected then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local errors = summary.errors
  local wrong = worker:get("wrong") + errors.connect + errors.read + errors.write
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, wrong, summary.duration))
end
"""


@dataclass
class LoadResult:
    """What a load brought: answers, wrong or missing ones among them, and seconds."""

    generator: str
    answers: int
    wrong: int
    seconds: float


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "benchmarks/load.py"


def run_load(url: str, body: bytes, expected: bytes, clients: int, seconds: float) -> LoadResult:
    """Load a target for some seconds and count.

    Args:
        body: sent as `text/csv`.
        expected: the body of a right answer.
        clients: connections, each with one request at a time.
    """
    if generator() == "wrk":
        return _run_wrk(url, body, expected, clients, seconds)
    return asyncio.run(_run_own(url, body, expected, clients, seconds))


def _run_wrk(url: str, body: bytes, expected: bytes, clients: int, seconds: float) -> LoadResult:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in ("body", "expected", "script.lua")}
        paths["body"].write_bytes(body)
        paths["expected"].write_bytes(expected)
        script = WRK_SCRIPT.replace("{body}", str(paths["body"]))
        paths["script.lua"].write_text(script.replace("{expected}", str(paths["expected"])))
        words = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
        done = subprocess.run(
            [*words, "-s", str(paths["script.lua"]), url],
            capture_output=True,
            text=True,
            check=True,
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    answers, wrong, microseconds = (int(word) for word in line.split()[1:])
    return LoadResult("wrk", answers, wrong, microseconds / 1e6)


async def _run_own(
    url: str, body: bytes, expected: bytes, clients: int, seconds: float
) -> LoadResult:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    result = LoadResult("benchmarks/load.py", 0, 0, 0.0)
    started = time.perf_counter()
    deadline = started + seconds
    host, port = str(parts.hostname), int(parts.port or 80)
    await asyncio.gather(
        *(_client(host, port, request, expected, deadline, result) for _ in range(clients))
    )
    result.seconds = time.perf_counter() - started
    return result


async def _client(
    host: str, port: int, request: bytes, expected: bytes, deadline: float, result: LoadResult
) -> None:
    connection = None
    while time.perf_counter() < deadline:
        if connection is None:
            connection = await asyncio.open_connection(host, port)
        reader, writer = connection
        writer.write(request)
        status, body, closing = await _read_answer(reader)
        result.answers += 1
        result.wrong += status != 200 or body != expected
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
    parser.add_argument("expected", type=Path, help="file with the answer's body")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    body, expected = given.body.read_bytes(), given.expected.read_bytes()
    result = run_load(given.url, body, expected, given.clients, given.seconds)
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
