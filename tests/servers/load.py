"""Clients that keep a server busy and tell refused connections from lost requests."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field

# Requests that end the worker, and that run until the file RUN_GATE exists.
EXIT_NOW = b"seconds\n-1\n"
WAIT_FOR_GATE = b"seconds\n-2\n"


def rows(seconds: float) -> bytes:
    """A request that keeps the model busy for so long."""
    return f"seconds\n{seconds}\n".encode()


@dataclass
class Load:
    """What happened to the requests of all clients.

    Attributes:
        answers: statuses of whole answers.
        lost: requests on an accepted connection that got no whole answer.
        lost_from: the clients' ports of these connections.
        refused: connections that were not accepted.
    """

    port: int
    seconds: float = 0.02
    keep_alive: bool = False
    answers: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    lost_from: set[int] = field(default_factory=set)
    refused: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    enough: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, clients: int = 8) -> Load:
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self._threads:
            thread.start()
        return self

    def wait_for_answers(self) -> None:
        """Wait until the clients have got some answers each."""
        assert self.enough.wait(30), f"{len(self.answers)} answers, lost: {self.lost[:3]}"

    def join(self) -> Load:
        """Wait until each client was refused, or was told to stop."""
        for thread in self._threads:
            thread.join(60)
        return self

    def _client(self) -> None:
        connection = self._new_connection()
        while connection is not None and not self.stop.is_set():
            connection = self._one_request(connection)
        if connection is not None:
            connection.close()

    def _new_connection(self) -> http.client.HTTPConnection | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.connect()
        except OSError:
            self.refused += 1
            return None
        return connection

    def _one_request(
        self, connection: http.client.HTTPConnection
    ) -> http.client.HTTPConnection | None:
        port = connection.sock.getsockname()[1]
        try:
            connection.request(
                "POST", "/predict/", rows(self.seconds), {"Content-Type": "text/csv"}
            )
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(repr(error))
            self.lost_from.add(port)
            connection.close()
            return self._new_connection()
        self.answers.append(answer.status)
        if len(self.answers) >= 10 * len(self._threads):
            self.enough.set()
        if self.keep_alive and not answer.will_close:
            return connection
        connection.close()
        return self._new_connection()
