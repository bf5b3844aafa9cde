"""The access log: one line a request on stdout, in gunicorn's format, written by a thread."""

from __future__ import annotations

import base64
import contextlib
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from datarobot_drum.drum import logs
from datarobot_drum.drum.masking import SECRETS, masked
from datarobot_drum.drum.prediction.figures.metrics import OTHER, Metrics
from datarobot_drum.drum.prediction.messages import PredictResponse
from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.utils.escaping import quoted, word
from datarobot_drum.drum.utils.printed import CleanStream, PrintedStream

# Lines that may wait for a slow reader of stdout; the oldest give way. Seconds between writes.
MAX_WAITING: Final = 100_000
PERIOD: Final = 0.1

# Where the application leaves what the log shows, in the environment of a WSGI request.
ROUTE_KEY: Final = "drum.route"
REQUEST_ID_KEY: Final = "drum.request_id"
NOTHING: Final = "-"
# Signs of a text that is kept.
_LONGEST_CACHED: Final = 256
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")


class Exchange(NamedTuple):
    """One request and its answer. Texts as they came, bytes decoded as Latin-1.

    Attributes:
        route: as metrics name it.
        sent: bytes of the answer's body.
        seconds: from the request's head to the end of the answer.
        at: when it ended, in seconds since the epoch.
    """

    client: str
    request_line: str
    method: str
    route: str
    status: int
    sent: int
    seconds: float
    at: float
    request_id: str
    authorization: str = ""
    referer: str = ""
    agent: str = ""

    @classmethod
    def of_wsgi(
        cls, environ: Mapping[str, Any], status: int, sent: int, seconds: float
    ) -> Exchange:
        """An exchange that the application has seen."""
        method = environ["REQUEST_METHOD"]
        return cls(
            environ.get("REMOTE_ADDR") or NOTHING,
            f"{method} {environ.get('RAW_URI', '')} {environ.get('SERVER_PROTOCOL', '')}",
            method,
            environ.get(ROUTE_KEY, OTHER),
            status,
            sent,
            seconds,
            time.time(),
            environ.get(REQUEST_ID_KEY, ""),
            environ.get("HTTP_AUTHORIZATION", ""),
            environ.get("HTTP_REFERER", ""),
            environ.get("HTTP_USER_AGENT", ""),
        )

    def line(self, as_json: bool) -> str:
        """What the log shows: no secrets, a URL's neither."""
        return self._as_json() if as_json else self._as_text()

    def _as_text(self) -> str:
        stamp = time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(self.at))
        request, referer, agent = map(_shown, (self.request_line, self.referer, self.agent))
        user = word(masked(_basic_user(self.authorization))) if self.authorization else NOTHING
        return (
            f"{self.client} - {user or NOTHING} {stamp} {request} {self.status} {self.sent}"
            f" {referer} {agent} {self.seconds:.6f} { {'request_id': self._shown_id()} }"
        )

    def _shown_id(self) -> str:
        current = self.request_id
        # One of ours, which most are, may be a secret but holds none.
        is_uuid = _UUID.fullmatch(current) is not None and current not in SECRETS.values
        return current if is_uuid else masked(current)

    def _as_json(self) -> str:
        fields: dict[str, Any] = {
            "message": masked(self.request_line),
            "method": self.method,
            "path": self.route,
            "status": self.status,
            "duration": round(self.seconds, 6),
            "bytes": self.sent,
            "client": self.client,
        }
        more = {
            "user": _basic_user(self.authorization),
            "referer": self.referer,
            "user_agent": self.agent,
        }
        fields |= {name: masked(text) for name, text in more.items() if text}
        return logs.json_line("INFO", "drum.access", self.at, fields, self.request_id)


class AccessLog:
    """Collects exchanges and writes them in batches, so that no request waits for stdout."""

    def __init__(self) -> None:
        self._as_json = logs.writes_json()
        self._waiting: deque[Exchange] = deque(maxlen=MAX_WAITING)
        self._wake = threading.Event()
        self._write_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        # The system may have none: the next line asks again, and what waits is written then.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def add(self, exchange: Exchange) -> None:
        self._waiting.append(exchange)
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Write what has been collected. When nobody reads stdout any more, it is lost."""
        with self._write_lock:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if batch:
                stdout: Any = sys.stdout
                while isinstance(stdout, PrintedStream | CleanStream):
                    stdout = stdout.beneath
                lines = [f"{exchange.line(self._as_json)}\n" for exchange in batch]
                with contextlib.suppress(OSError, ValueError):
                    stdout.write("".join(lines))
                    stdout.flush()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(PERIOD)
            self._wake.clear()
            self.flush()


class Refusals:
    """What never becomes a request, since a server's own parser refuses it: answered, counted and
    logged as all others are.
    """

    def __init__(self, log: AccessLog, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def answer(self, answer: PredictResponse, client: str, request_id: str | None = None) -> bytes:
        """The bytes to send, as the connection's last.

        Args:
            client: its address.
            request_id: given already; None: a new one.
        """
        current = request_id or routes.request_id(None)
        assert isinstance(answer.body, bytes)
        self._metrics.request(NOTHING, OTHER, answer.status, 0.0)
        self._log.add(
            Exchange(
                client or NOTHING,
                NOTHING,
                NOTHING,
                OTHER,
                answer.status,
                len(answer.body),
                0.0,
                time.time(),
                current,
            )
        )
        return routes.last_bytes(answer, current)


def _shown(text: str) -> str:
    # Most clients ask the same again and again, and masking takes longer than all the rest.
    if len(text) > _LONGEST_CACHED:
        return _masked_and_quoted(text)
    return _cached(text, SECRETS.version)


@lru_cache(maxsize=1024)
def _cached(text: str, version: int) -> str:
    """
    Args:
        version: of the secrets: another one may be in the text.
    """
    return _masked_and_quoted(text)


def _masked_and_quoted(text: str) -> str:
    text = masked(text) or NOTHING
    # Nearly every text is one that needs no escaping.
    return f'"{text}"' if _PLAIN.fullmatch(text) else quoted(text)


def _basic_user(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[0].decode("latin-1")
    except ValueError:
        return ""
