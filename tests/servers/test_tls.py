"""TLS on the three servers, with and without client certificates."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.servers.harness import SERVER_TYPES, START_SECONDS, Server, running_server, start_server

pytestmark = pytest.mark.servers

REGRESSION = ("--target-type", "regression")
# Gunicorn's workers wrap connections in ways of their own.
KINDS = {kind: (kind, "gthread") for kind in SERVER_TYPES} | {
    kind: ("gunicorn", kind) for kind in ("sync", "gevent")
}


@contextlib.contextmanager
def serving(code_dir: Path, kind: str, params: dict[str, object]) -> Iterator[Server]:
    server_type, worker_class = KINDS[kind]
    if server_type == "gunicorn":
        params = {**params, "DRUM_GUNICORN_WORKER_CLASS": worker_class}
    with running_server(code_dir, server_type, *REGRESSION, params=params) as server:
        yield server


class Certificates:
    """An authority, a server certificate and a client certificate, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.authorities = folder / "ca.pem"
        server = self.authority.issue_cert("127.0.0.1", "localhost")
        server.private_key_pem.write_to_path(self.key)
        self.key.chmod(0o644)
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        self.authority.cert_pem.write_to_path(self.authorities)

    def params(self, **more: object) -> dict[str, object]:
        return {
            "DRUM_SSL_CERTFILE": str(self.certificate),
            "DRUM_SSL_KEYFILE": str(self.key),
        } | more

    @property
    def of_a_client(self) -> Path:
        """A certificate and its key in one file."""
        path = self.key.with_name("client.pem")
        issued = self.authority.issue_cert("client@example.org")
        issued.private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def client(self, with_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if with_certificate:
            self.authority.issue_cert("client@example.org").configure_cert(context)
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def get(server: Server, context: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


HEALTH_CHECK = Path(__file__).parents[2] / "deploy" / "healthcheck.py"


def is_healthy(server: Server, certificates: Certificates, **variables: object) -> bool:
    """What the image's health check says."""
    environ = {
        "PATH": os.environ["PATH"],
        "ADDRESS": f"0.0.0.0:{server.port}",
        "MLOPS_RUNTIME_PARAM_DRUM_SSL_CERTFILE": str(certificates.certificate),
    }
    environ |= {name: str(value) for name, value in variables.items()}
    # A loaded machine may take longer than its two seconds.
    return any(
        subprocess.run([sys.executable, HEALTH_CHECK], env=environ, capture_output=True).returncode
        == 0
        for _ in range(5)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_https_from_tls_1_2_on(code_dir: Path, certificates: Certificates, kind: str) -> None:
    with serving(code_dir, kind, certificates.params()) as server:
        assert get(server, certificates.client()) == 200
        old = certificates.client()
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert get(server, old) == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            get(server, ssl.create_default_context())
        assert is_healthy(server, certificates)
        assert server.stop() == 0
        # Every user may read it, which is said once, whatever there is of workers.
        assert server.output().count("the private key in DRUM_SSL_KEYFILE") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_certificate_can_be_required(
    code_dir: Path, certificates: Certificates, kind: str
) -> None:
    params = certificates.params(
        DRUM_SSL_CA_CERTS=str(certificates.authorities), DRUM_SSL_CERT_REQS="required"
    )
    with serving(code_dir, kind, params) as server:
        assert get(server, certificates.client(with_certificate=True)) == 200
        with pytest.raises(OSError):  # noqa: PT011 (an alert, or a reset, as timing has it)
            get(server, certificates.client())
        assert is_healthy(server, certificates, HEALTHCHECK_CERTFILE=certificates.of_a_client)


# A sync worker has one connection at a time, silent or not.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"sync"}))
def test_silent_connections_do_not_stop_a_tls_server(
    code_dir: Path, certificates: Certificates, kind: str
) -> None:
    with serving(code_dir, kind, certificates.params()) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        try:
            assert get(server, certificates.client()) == 200
        finally:
            for connection in silent:
                connection.close()


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_certificate_that_cannot_be_read_is_named(code_dir: Path, server_type: str) -> None:
    params = {"DRUM_SSL_CERTFILE": str(code_dir / "missing.pem")}
    server = start_server(code_dir, server_type, *REGRESSION, params=params)

    assert server.wait(START_SECONDS) == 1
    assert server.stderr().startswith("Cannot use DRUM_SSL_CERTFILE (")
    assert server.stderr().count("\n") == 1


@pytest.mark.parametrize("server_type", ["gunicorn", "fastapi"])
def test_a_slow_client_over_tls_is_answered_408(
    code_dir: Path, certificates: Certificates, server_type: str
) -> None:
    params = certificates.params(DRUM_HEADER_TIMEOUT=1)
    with (
        running_server(code_dir, server_type, *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as plain,
        certificates.client().wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(b"POST /predict/ HTTP/1.1\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_gunicorn_gives_up_a_handshake_that_does_not_end(
    code_dir: Path, certificates: Certificates
) -> None:
    params = certificates.params(DRUM_HEADER_TIMEOUT=1)
    with (
        running_server(code_dir, "gunicorn", *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as connection,
    ):
        connection.sendall(b"\x16\x03\x01")
        assert connection.recv(1000) == b""
        assert get(server, certificates.client()) == 200
        assert "Traceback" not in server.stderr()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_handshake_that_does_not_end_does_not_hold_up_the_end(
    code_dir: Path, certificates: Certificates, workers: int
) -> None:
    params = certificates.params(DRUM_GRACEFUL_TIMEOUT=1, CUSTOM_MODEL_WORKERS=workers)
    with (
        running_server(code_dir, "fastapi", *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30),
    ):
        # Both are the same worker's if there is one only, and the silent one came first.
        assert get(server, certificates.client()) == 200
        status, log = server.stop(), server.stderr()

    assert status == 0
    assert "killed" not in log


@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_that_does_not_say_farewell_does_not_hold_up_the_end(
    code_dir: Path, certificates: Certificates, workers: int
) -> None:
    params = certificates.params(DRUM_GRACEFUL_TIMEOUT=60, CUSTOM_MODEL_WORKERS=workers)
    with (
        running_server(code_dir, "fastapi", *REGRESSION, params=params) as server,
        socket.create_connection(("127.0.0.1", server.port), 30) as bare,
        certificates.client().wrap_socket(bare, server_hostname="127.0.0.1") as idle,
    ):
        idle.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert server.stop() == 0
        # Far less than asyncio's half a minute and than what requests have.
        assert time.monotonic() - began < 20
