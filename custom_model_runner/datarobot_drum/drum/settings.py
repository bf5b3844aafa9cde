"""Options and runtime parameters -> frozen, checked settings, built once at start-up."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from datarobot_drum.drum.enum import RunLanguage, ServerType, TargetType
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs import check_knobs, knob, knob_is_set
from datarobot_drum.drum.utils.processors import available_processors

DEFAULT_PORT: Final = 8080


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


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What is needed to serve. ``max_body`` in bytes, times in seconds, None: no limit."""

    server_type: ServerType = ServerType.FLASK
    host: str = "0.0.0.0"
    port: int = DEFAULT_PORT
    url_prefix: str = ""
    workers: int = 1
    with_error_server: bool = False
    show_perf: bool = False
    deployment_config: str | None = None
    request_timeout: float | None = 600
    max_body: int | None = None
    executor_workers: int | None = None
    queue_depth: int = 128
    queue_timeout: float | None = 60
    batching: bool | None = None
    batch_requests: int = 64
    batch_rows: int = 10_000
    short_call: float = 0.0
    csv_threads: int = 1
    auth_token: str | None = field(default=None, repr=False)
    cors_origins: tuple[str, ...] = ()
    docs: bool = False


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
    )


def _server_settings(given: Mapping[str, Any], server_type: ServerType) -> ServerSettings:
    check_knobs()
    host, port = split_address(str(given["address"]))
    timeout = knob("DRUM_CLIENT_REQUEST_TIMEOUT")
    limited = server_type is ServerType.FASTAPI or knob_is_set("DRUM_FASTAPI_MAX_UPLOAD_SIZE")
    workers = knob("CUSTOM_MODEL_WORKERS") or given.get("max_workers") or 1
    return ServerSettings(
        server_type=server_type,
        host=host,
        port=port,
        url_prefix=_url_prefix(),
        workers=workers,
        with_error_server=bool(given.get("with_error_server")),
        show_perf=bool(given.get("show_perf")),
        deployment_config=given.get("deployment_config"),
        request_timeout=timeout or None,
        max_body=knob("DRUM_FASTAPI_MAX_UPLOAD_SIZE") if limited else None,
        executor_workers=knob("DRUM_FASTAPI_EXECUTOR_WORKERS"),
        queue_depth=knob("DRUM_FASTAPI_EXECUTOR_QUEUE_DEPTH"),
        queue_timeout=knob("DRUM_FASTAPI_EXECUTOR_QUEUE_TIMEOUT") or None,
        batching={"auto": None, "on": True, "off": False}[knob("DRUM_BATCHING")],
        batch_requests=knob("DRUM_BATCH_MAX_REQUESTS"),
        batch_rows=knob("DRUM_BATCH_MAX_ROWS"),
        short_call=knob("DRUM_FASTAPI_SHORT_CALL"),
        csv_threads=knob("DRUM_CSV_THREADS") or max(available_processors() // workers, 1),
        docs=knob("DRUM_FASTAPI_ENABLE_DOCS"),
        auth_token=knob("DRUM_AUTH_TOKEN"),
        cors_origins=_cors_origins(knob("DRUM_CORS_ORIGINS")) if knob("DRUM_CORS_ENABLED") else (),
    )


def _cors_origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip().rstrip("/") for origin in text.split(",") if origin.strip())
    wrong = [o for o in origins if o != "*" and not re.fullmatch(r"\w[\w+.-]*://[^/\s*]+", o)]
    if wrong or not origins:
        raise SettingError(
            f"Invalid DRUM_CORS_ORIGINS: {text!r}. Valid values are: '*', or origins like"
            " https://example.com with commas between them."
        )
    return origins


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

    Raises:
        SettingError: the port is not a number from 0 to 65535.
    """
    match = re.fullmatch(r"(?:\w+://)?(\[[^\]]+\]|[^:/]*)(?::(\d+))?/?", address)
    port = int(match.group(2)) if match and match.group(2) else DEFAULT_PORT
    if match is None or port > 65535:
        raise SettingError(
            f"Invalid address: {address!r}."
            " It must be HOST or HOST:PORT with a port from 0 to 65535."
        )
    return match.group(1).strip("[]") or "0.0.0.0", port


def _url_prefix() -> str:
    prefix = os.environ.get("URL_PREFIX", "")
    if prefix and not prefix.startswith("/"):
        raise SettingError(f"Invalid URL_PREFIX: {prefix!r}. It must start with '/'.")
    return prefix.rstrip("/")
