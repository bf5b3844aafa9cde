"""Options and runtime parameters -> frozen, checked settings, built once at start-up."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from datarobot_drum.drum.enum import RunLanguage, ServerType, TargetType
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.predicting import (
    ArtifactSettings,
    LogSettings,
    ServiceSettings,
    TelemetrySettings,
)
from datarobot_drum.drum.knobs.reading import check_all, read
from datarobot_drum.drum.knobs.serving import (
    AccessSettings,
    FastApiSettings,
    GunicornSettings,
    HttpSettings,
    ProcessSettings,
    ServerChoice,
    TlsSettings,
)
from datarobot_drum.drum.utils.memory import available_memory
from datarobot_drum.drum.utils.processors import available_processors

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8080
EVERYWHERE: Final = "0.0.0.0"
# Bytes: fastapi's limit for a body, where none is set.
FASTAPI_MAX_BODY: Final = 100 * 1024 * 1024
# Of the memory, the part that bodies may take where nothing is set; and bytes: no less than this.
BODIES_PART: Final = 4
LEAST_BODY_BUDGET: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What is needed to load a model folder."""

    code_dir: str
    target_type: TargetType | None = None
    positive_class_label: str | None = None
    negative_class_label: str | None = None
    class_labels: tuple[str, ...] | None = None
    language: RunLanguage | None = None
    target_name: str | None = None
    user_secrets_mount_path: str | None = None
    user_secrets_prefix: str | None = None
    lazy_loading_file: str | None = None
    artifacts: ArtifactSettings = field(default_factory=ArtifactSettings)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What is needed to serve; each part is handed to those who act on it."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    url_prefix: str = ""
    with_error_server: bool = False
    deployment_config: str | None = None
    processes: ProcessSettings = field(default_factory=ProcessSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    gunicorn: GunicornSettings = field(default_factory=GunicornSettings)
    fastapi: FastApiSettings = field(default_factory=FastApiSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What `drum score` adds: where rows come from and predictions go."""

    input: str = ""
    output: str | None = None
    sparse_column_file: str | None = None
    query: str | None = None
    content_type: str | None = None
    show_perf: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, built once at start-up."""

    command: str
    model: ModelSettings
    server: ServerSettings = field(default_factory=ServerSettings)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    logging_level: str = "warning"
    verbose: bool = False
    show_stacktrace: bool = False

    def without_error_server(self) -> Settings:
        return replace(self, server=replace(self.server, with_error_server=False))

    @classmethod
    def from_options(
        cls, options: argparse.Namespace, server_type: ServerType = ServerType.FLASK
    ) -> Settings:
        """Build the settings of one run.

        Raises:
            SettingError: a runtime parameter or ``URL_PREFIX`` has a value out of range.
        """
        given: Mapping[str, Any] = vars(options)
        command = given["subparser_name"]
        return cls(
            command=command,
            model=_model_settings(given),
            server=_server_settings(given, server_type)
            if command == "server"
            else ServerSettings(),
            score=_score_settings(given) if command == "score" else ScoreSettings(),
            logging_level=given.get("logging_level") or "warning",
            verbose=bool(given.get("verbose")),
            show_stacktrace=bool(given.get("show_stacktrace")),
        )


def server_choice() -> ServerChoice:
    """Which server runs: wanted before the other settings can be made.

    Raises:
        SettingError: a parameter names none, or what is no choice.
    """
    return read(ServerChoice)


def log_settings() -> LogSettings:
    """What the log looks like: wanted before the other settings can be made.

    Raises:
        SettingError: ``DRUM_JSON_LOGGING`` is neither true nor false.
    """
    return read(LogSettings)


def _model_settings(given: Mapping[str, Any]) -> ModelSettings:
    target_type = given.get("target_type")
    language = given.get("language")
    labels = given.get("class_labels")
    return ModelSettings(
        code_dir=str(given["code_dir"]),
        target_type=TargetType(target_type) if target_type else None,
        positive_class_label=given.get("positive_class_label"),
        negative_class_label=given.get("negative_class_label"),
        class_labels=tuple(labels) if labels else None,
        language=RunLanguage(language) if language else None,
        target_name=os.environ.get("TARGET_NAME"),
        user_secrets_mount_path=given.get("user_secrets_mount_path"),
        user_secrets_prefix=given.get("user_secrets_prefix"),
        lazy_loading_file=given.get("lazy_loading_file"),
        artifacts=read(ArtifactSettings),
    )


def _server_settings(given: Mapping[str, Any], server_type: ServerType) -> ServerSettings:
    check_all()
    host, port = split_address(str(given["address"]))
    processes = read(ProcessSettings, workers=given.get("max_workers") or 1)
    return ServerSettings(
        host=host,
        port=port,
        url_prefix=_url_prefix(),
        with_error_server=bool(given.get("with_error_server")),
        deployment_config=given.get("deployment_config"),
        processes=processes,
        http=read(
            HttpSettings,
            max_body=FASTAPI_MAX_BODY if server_type is ServerType.FASTAPI else None,
            body_budget=_body_budget(1 if server_type is ServerType.FLASK else processes.workers),
        ),
        gunicorn=read(GunicornSettings),
        fastapi=read(FastApiSettings),
        tls=read(TlsSettings),
        access=read(AccessSettings),
        service=read(
            ServiceSettings,
            server_type=server_type,
            show_perf=bool(given.get("show_perf")),
            csv_threads=max(available_processors() // processes.workers, 1),
        ),
        telemetry=read(TelemetrySettings),
    )


def _body_budget(processes: int) -> int | None:
    """Bytes of bodies that each of so many processes may hold; None where no limit is known."""
    memory = available_memory()
    if memory is None:
        return None
    return max(memory // BODIES_PART // processes, LEAST_BODY_BUDGET)


def _score_settings(given: Mapping[str, Any]) -> ScoreSettings:
    return ScoreSettings(
        input=str(given["input"]),
        output=given.get("output"),
        sparse_column_file=given.get("sparse_column_file"),
        query=given.get("query"),
        content_type=given.get("content_type"),
        show_perf=bool(given.get("show_perf")),
    )


def split_address(address: str) -> tuple[str, int]:
    """``host[:port]`` -> (host, port); IPv6 hosts stand in brackets.

    A number is a port of this machine's own address, ``:port`` and ``*:port`` are one of all its
    addresses. Spaces around it do not count.

    Raises:
        SettingError: the port is not a number from 0 to 65535, or there is nothing.
    """
    address = address.strip()
    if not address:
        raise SettingError("The address must not be empty.")
    whole = f"{DEFAULT_HOST}:{address}" if re.fullmatch("[0-9]+", address) else address
    match = re.fullmatch(r"(?:\w+://)?(\[[^\]]+\]|[^:/]*)(?::(\d+))?/?", whole)
    port = int(match.group(2)) if match and match.group(2) else DEFAULT_PORT
    if match is None or port > 65535 or not any(match.groups()):
        raise SettingError(
            f"Invalid address: {address!r}."
            " It must be HOST, HOST:PORT, :PORT or PORT, with a port from 0 to 65535"
            " and an IPv6 address in brackets."
        )
    host = match.group(1).strip("[]")
    return EVERYWHERE if host in ("", "*") else host, port


def _url_prefix() -> str:
    prefix = os.environ.get("URL_PREFIX", "")
    if prefix and not prefix.startswith("/"):
        raise SettingError(f"Invalid URL_PREFIX: {prefix!r}. It must start with '/'.")
    return prefix.rstrip("/")
