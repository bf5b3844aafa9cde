"""What the launchers make of runtime parameters, before anything is served."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from gunicorn.config import Config

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.fastapi.config import uses_uvloop
from datarobot_drum.drum.gunicorn.config import gunicorn_options
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.serving import FastApiSettings, GunicornSettings, TlsSettings
from datarobot_drum.drum.serving.tls import server_context as context_for
from datarobot_drum.drum.settings import ModelSettings, ServerSettings, Settings


def settings(**server: object) -> Settings:
    return Settings(
        command="server",
        model=ModelSettings(code_dir="."),
        server=ServerSettings(**server),  # type: ignore[arg-type]
    )


class TestGunicorn:
    def test_status_routes_find_a_thread_when_the_queue_is_full(self) -> None:
        service = ServiceSettings(executor_workers=3, queue_depth=20)
        options = gunicorn_options(settings(service=service), None)

        assert options["threads"] > 3 + 20

    def test_the_answer_504_comes_before_the_worker_is_killed(self) -> None:
        service = ServiceSettings(request_timeout=50)

        assert gunicorn_options(settings(service=service), None)["timeout"] > 50

    def test_without_a_request_timeout_no_worker_is_killed(self) -> None:
        service = ServiceSettings(request_timeout=None)

        assert gunicorn_options(settings(service=service), None)["timeout"] == 0

    def test_the_sync_class_has_no_threads(self) -> None:
        gunicorn = GunicornSettings(worker_class="sync")

        assert "threads" not in gunicorn_options(settings(gunicorn=gunicorn), None)

    @pytest.mark.parametrize("asked", [None, "10.0.0.7, 10.1.0.0/16", "*"])
    def test_peers_choose_no_path_unless_that_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, asked: str | None
    ) -> None:
        # Gunicorn's own variable alone is not asking.
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
        if asked is not None:
            monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_FORWARDED_ALLOW_IPS", asked)
        options = gunicorn_options(settings(gunicorn=read(GunicornSettings)), None)
        config = Config()
        config.set("forwarded_allow_ips", options["forwarded_allow_ips"])

        wanted = [] if asked is None else asked.replace(" ", "").split(",")
        assert config.forwarded_allow_ips == wanted

    def test_a_missing_gevent_is_said_with_its_remedy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

        with pytest.raises(SettingError, match="pip install gevent"):
            gunicorn_options(settings(gunicorn=GunicornSettings(worker_class="gevent")), None)


class TestUvicorn:
    def test_a_twin_of_gunicorn_applies_while_the_own_parameter_is_unset(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_MAX_REQUESTS", "7")
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_KEEP_ALIVE", "8")
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_UVICORN_KEEP_ALIVE", "9")
        found = read(FastApiSettings)

        assert (found.max_requests, found.keep_alive) == (7, 9)

    def test_a_missing_uvloop_counts_only_when_it_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        assert not uses_uvloop("auto")

        with pytest.raises(SettingError, match="pip install uvloop"):
            uses_uvloop("uvloop")


def server_context() -> ssl.SSLContext | None:
    """What the parameters that are set make of it."""
    return context_for(read(TlsSettings))


class TestTls:
    def test_none_without_a_certificate(self) -> None:
        assert server_context() is None

    @pytest.fixture
    def certificate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "server.pem"
        trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_CERTFILE", str(path))
        return path

    def test_one_file_may_hold_key_and_certificate(self, certificate: Path) -> None:
        context = server_context()

        assert context is not None
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_NONE

    @pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
    def test_a_key_that_others_may_read_is_warned_of(
        self, certificate: Path, caplog: pytest.LogCaptureFixture, mode: int
    ) -> None:
        certificate.chmod(mode)
        server_context()
        server_context()

        (line,) = caplog.messages
        assert f"DRUM_SSL_CERTFILE ({certificate}, mode {mode:o})" in line

    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
    def test_a_key_of_the_user_or_a_group_is_not(
        self, certificate: Path, caplog: pytest.LogCaptureFixture, mode: int
    ) -> None:
        certificate.chmod(mode)
        server_context()

        assert caplog.messages == []

    def test_a_certificate_is_for_everybody_where_the_key_lies_elsewhere(
        self,
        certificate: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        key = tmp_path / "key.pem"
        key.write_bytes(certificate.read_bytes())
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_KEYFILE", str(key))
        certificate.chmod(0o644)
        key.chmod(0o600)
        server_context()
        assert caplog.messages == []

    @pytest.mark.parametrize("word", ["required", "2"])
    def test_client_certificates_by_word_and_number(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch, word: str
    ) -> None:
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_CERT_REQS", word)
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_CA_CERTS", str(certificate))
        context = server_context()

        assert context is not None
        assert context.verify_mode == ssl.CERT_REQUIRED

    def test_client_certificates_need_an_authority(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_CERT_REQS", "optional")

        with pytest.raises(SettingError, match="needs DRUM_SSL_CA_CERTS"):
            server_context()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DRUM_SSL_KEYFILE", "key.pem"),
            ("DRUM_SSL_CA_CERTS", "ca.pem"),
            ("DRUM_SSL_CERT_REQS", "required"),
        ],
    )
    def test_the_other_parameters_are_nothing_without_a_certificate(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_{name}", value)

        with pytest.raises(SettingError, match=f"{name} is set, but DRUM_SSL_CERTFILE is not"):
            server_context()

    def test_a_file_that_is_no_certificate_is_named(
        self, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate.write_text("nothing of the kind")

        with pytest.raises(SettingError) as error:
            server_context()
        assert str(certificate) in str(error.value)

    def test_a_locked_key_does_not_ask_on_the_terminal(
        self, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
        key = serialization.load_pem_private_key(certificate.read_bytes(), None)
        locked = tmp_path / "locked.key"
        locked.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"sesame"),
            )
        )
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_KEYFILE", str(locked))
        with pytest.raises(SettingError, match="wrong password|DECRYPT|decrypt"):
            server_context()

        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_SSL_KEYFILE_PASSWORD", "sesame")
        assert server_context() is not None
