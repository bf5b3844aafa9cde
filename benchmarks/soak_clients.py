"""The clients of a soak: patient, slow and leaving ones, and the account of what came back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from soak_questions import Question, question, websocket_noise

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Seconds without an answer after which a request counts as lost.
PATIENCE = 60.0
# A connection that breaks so long after its process was killed broke because of that.
AFTERMATH = 1.0
BROKEN = (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError)


@dataclass
class Account:
    """What came back.

    Attributes:
        kills: when a process that served was killed, by the clock of ``time.monotonic``.
        broken: requests that the killed processes held.
    """

    answers: Counter[str] = field(default_factory=Counter)
    left: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: int = 0
    kills: list[float] = field(default_factory=list)

    def lose(self, asked: Question, since: float, error: BaseException) -> None:
        now = time.monotonic()
        if any(since <= kill + AFTERMATH and kill <= now for kill in self.kills):
            self.broken += 1
        else:
            self.lost.append(f"{asked.name} {asked.path}: {error!r}")

    def judge(self, asked: Question, status: int, body: bytes) -> None:
        self.answers[asked.name] += 1
        try:
            right = status == asked.status and asked.right(body)
        except (ValueError, LookupError, TypeError):
            right = False
        if not right:
            self.wrong.append(f"{asked.name} {asked.path}: {status} {body[:200]!r}")


class Client:
    """One connection at a time, kept while both sides keep it."""

    def __init__(self, port: int, seed: str, account: Account) -> None:
        self._port = port
        self._random = Random(seed)
        self._account = account
        self._kept: Connection | None = None

    async def work(self, until: float) -> None:
        """Ask one thing after the other until that time."""
        manners = (self._ask, self._ask_slowly, self._leave, self._knock)
        while time.monotonic() < until:
            manner = self._random.choices(manners, (80, 6, 10, 4))[0]
            await manner()
        self.close()

    def close(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    async def _ask(self) -> None:
        asked, keeps = question(self._random), self._random.random() < 0.7
        since = time.monotonic()
        try:
            try:
                fresh = self._kept is None
                await self._exchange(asked, keeps)
            except (ConnectionError, EOFError):
                # A kept connection may have been closed meanwhile: clients try once more.
                if fresh:
                    raise
                self.close()
                await self._exchange(asked, keeps)
        except BROKEN as error:
            self.close()
            self._account.lose(asked, since, error)

    async def _exchange(self, asked: Question, keeps: bool) -> None:
        reader, writer = self._kept or await self._connect()
        self._kept = reader, writer
        writer.write(asked.wire(keeps))
        status, closes, body = await asyncio.wait_for(_answer(reader), PATIENCE)
        self._account.judge(asked, status, body)
        if closes or not keeps:
            self.close()

    async def _ask_slowly(self) -> None:
        asked = question(self._random)
        wire, since = asked.wire(False), time.monotonic()
        cuts = sorted(self._random.randrange(len(wire)) for _ in range(3))
        try:
            reader, writer = await self._connect()
            with contextlib.closing(writer):
                for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
                    writer.write(wire[start:end])
                    await asyncio.sleep(self._random.random() / 2)
                status, _closes, body = await asyncio.wait_for(_answer(reader), PATIENCE)
            self._account.judge(asked, status, body)
        except BROKEN as error:
            # What is refused early is closed early; its answer may be gone with the connection.
            if asked.status == 200:
                self._account.lose(asked, since, error)

    async def _leave(self) -> None:
        """Somewhere in a request, before its answer, or in the middle of it."""
        wire = question(self._random).wire(True)
        some = self._random.choice((self._random.randrange(len(wire)), len(wire)))
        with contextlib.suppress(*BROKEN):
            reader, writer = await self._connect()
            writer.write(wire[:some])
            if some == len(wire) and self._random.random() < 0.5:
                await asyncio.wait_for(reader.read(10), PATIENCE)
            if self._random.random() < 0.5:
                writer.transport.abort()
            writer.close()
        self._account.left += 1

    async def _knock(self) -> None:
        with contextlib.suppress(*BROKEN):
            _reader, writer = await self._connect()
            writer.write(websocket_noise(self._random))
            await asyncio.sleep(self._random.random() / 2)
            writer.close()
        self._account.left += 1

    async def _connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self._port)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """Status, whether the connection closes, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    closes = "connection: close" in head or head.startswith("http/1.0")
    if "transfer-encoding: chunked" in head:
        return status, closes, await _chunks(reader)
    if "content-length:" in head:
        length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
        return status, closes, await reader.readexactly(length)
    return status, True, await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(pieces)
