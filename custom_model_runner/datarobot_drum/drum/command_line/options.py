"""The table of command-line options: one entry per option, for all sub-commands."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from datarobot_drum.drum.enum import ArgumentsOptions as Args
from datarobot_drum.drum.enum import RunLanguage, TargetType
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.serving import MAX_WORKERS
from datarobot_drum.drum.settings import DEFAULT_HOST, DEFAULT_PORT, split_address
from datarobot_drum.drum.utils.truth import truth

_SCORE: Final = (Args.SCORE,)
_SERVER: Final = (Args.SERVER,)
_BOTH: Final = (Args.SCORE, Args.SERVER)
_DEFAULT_ADDRESS: Final = f"{DEFAULT_HOST}:{DEFAULT_PORT}"


def existing_file(value: str) -> str:
    if os.path.exists(value) and not os.path.isfile(value):
        raise argparse.ArgumentTypeError(f"{value} is a directory or a pipe, not a file!")
    if not os.path.isfile(value):
        raise argparse.ArgumentTypeError(f"The file {value} does not exist!")
    return os.path.realpath(value)


def existing_directory(value: str) -> str:
    if not os.path.isdir(value):
        raise argparse.ArgumentTypeError(f"The path {value} is not a directory!")
    return os.path.realpath(value)


def workers(value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {value!r}") from None
    if number <= 0:
        raise argparse.ArgumentTypeError("must be > 0")
    if number > MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_WORKERS}")
    return number


def address(value: str) -> str:
    """``host[:port]`` with the port that applies: ``[::1]`` -> ``[::1]:8080``."""
    try:
        host, port = split_address(value)
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def boolean(value: str) -> bool:
    """The words that a variable may hold where the option is a flag."""
    found = truth(value, f_is_false=False)
    if found is None:
        raise argparse.ArgumentTypeError("value can't be converted to Bool")
    return found


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``env`` are the variables that stand in for it, the first one set wins.

    Attributes:
        convert: text -> value; raises ``argparse.ArgumentTypeError``.
        required: without it, and without its variable, the command is refused.
        flag: takes no value; ``many``: takes one or more.
    """

    name: str
    help: str
    commands: tuple[str, ...] = _BOTH
    short: str | None = None
    convert: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    default: Any = None
    metavar: str | None = None
    required: bool = False
    flag: bool = False
    many: bool = False
    env: tuple[str, ...] = ()

    @property
    def dest(self) -> str:
        """The attribute of the parsed options."""
        return self.name.lstrip("-").replace("-", "_")


OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        Args.CODE_DIR,
        "the model folder",
        short="-cd",
        convert=existing_directory,
        metavar="DIR",
        required=True,
        env=("CODE_DIR",),
    ),
    Option(
        Args.ADDRESS,
        f"where to listen, {_DEFAULT_ADDRESS} by default; a number is a port of {DEFAULT_HOST},"
        " :PORT is one of all addresses, and without a port it is 8080",
        _SERVER,
        convert=address,
        default=_DEFAULT_ADDRESS,
        metavar="[HOST][:PORT]",
        env=("ADDRESS",),
    ),
    Option(
        Args.INPUT,
        "the data to score",
        _SCORE,
        convert=existing_file,
        metavar="FILE",
        required=True,
    ),
    Option(
        Args.OUTPUT,
        "the file to write predictions to; without it they go to stdout",
        _SCORE,
        convert=os.path.abspath,
        metavar="FILE",
    ),
    Option(
        Args.TARGET_TYPE,
        "what the model predicts; by default targetType of model-metadata.yaml",
        choices=tuple(member.value for member in TargetType),
        env=("TARGET_TYPE",),
    ),
    Option(
        Args.POSITIVE_CLASS_LABEL,
        "binary: the positive class",
        metavar="LABEL",
        env=("POSITIVE_CLASS_LABEL",),
    ),
    Option(
        Args.NEGATIVE_CLASS_LABEL,
        "binary: the negative class",
        metavar="LABEL",
        env=("NEGATIVE_CLASS_LABEL",),
    ),
    Option(
        Args.CLASS_LABELS,
        "multiclass and multilabel: the classes, two or more",
        metavar="LABEL",
        many=True,
        env=("CLASS_LABELS",),
    ),
    Option(
        Args.CLASS_LABELS_FILE,
        "multiclass and multilabel: a file with one class per line",
        convert=existing_file,
        metavar="FILE",
        env=("CLASS_LABELS_FILE",),
    ),
    Option(
        Args.RUNTIME_PARAMS_FILE,
        "a YAML file with values of runtime parameters",
        convert=existing_file,
        metavar="FILE",
        env=("RUNTIME_PARAMS_FILE",),
    ),
    Option(
        Args.MAX_WORKERS,
        "number of server processes (gunicorn and fastapi)",
        _SERVER,
        convert=workers,
        default=0,
        metavar="N",
        env=("MAX_WORKERS",),
    ),
    Option(
        Args.PRODUCTION,
        "deprecated; only demands --max-workers",
        _SERVER,
        flag=True,
        env=("PRODUCTION",),
    ),
    Option(
        Args.WITH_ERROR_SERVER,
        "if the model can't be loaded, serve the error (status 513)",
        _SERVER,
        flag=True,
        env=("WITH_ERROR_SERVER",),
    ),
    Option(
        Args.DEPLOYMENT_CONFIG,
        "a JSON file; predictions are sent in the form of a prediction server",
        _SERVER,
        convert=existing_file,
        metavar="FILE",
        env=("DEPLOYMENT_CONFIG",),
    ),
    Option(
        Args.SPARSE_COLFILE,
        "column names of a Matrix Market input, one per line",
        _SCORE,
        convert=existing_file,
        metavar="FILE",
    ),
    Option(
        Args.QUERY,
        "unstructured: the query string that the model sees, as in 'a=1&b=2'",
        metavar="TEXT",
    ),
    Option(
        Args.CONTENT_TYPE,
        "unstructured: the content type that the model sees",
        metavar="TEXT",
    ),
    Option(
        Args.LANGUAGE,
        "language of the model's code; by default told by the files in the folder",
        choices=tuple(member.value for member in RunLanguage),
    ),
    Option(
        Args.LAZY_LOADING_FILE,
        "a YAML file with model files to download at start",
        convert=existing_file,
        metavar="FILE",
        env=("LAZY_LOADING_FILE",),
    ),
    Option(
        Args.USER_SECRETS_MOUNT_PATH,
        "a directory with one JSON file per secret",
        metavar="DIR",
        env=("USER_SECRETS_MOUNT_PATH",),
    ),
    Option(
        Args.USER_SECRETS_PREFIX,
        "prefix of environment variables that hold secrets",
        metavar="PREFIX",
        env=("USER_SECRETS_PREFIX",),
    ),
    Option(
        Args.LOGGING_LEVEL,
        "how much is logged to stderr",
        choices=("all", "debug", "info", "warn", "warning", "error", "critical", "fatal"),
        default="warning",
    ),
    Option(Args.VERBOSE, "say more", flag=True),
    Option(Args.SHOW_PERF, "measure, and show the times", flag=True),
    Option(
        Args.SHOW_STACKTRACE,
        "show the traceback of a failure",
        flag=True,
        env=("SHOW_STACKTRACE",),
    ),
    Option(Args.DOCKER, argparse.SUPPRESS, metavar="IMAGE"),
    Option(Args.SKIP_DEPS_INSTALL, argparse.SUPPRESS, flag=True),
    Option(Args.MEMORY, argparse.SUPPRESS, metavar="SIZE"),
    Option(Args.MONITOR, argparse.SUPPRESS, flag=True, env=("MONITOR",)),
    Option(
        Args.MONITOR_EMBEDDED,
        argparse.SUPPRESS,
        flag=True,
        env=("MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS",),
    ),
    Option(Args.MONITOR_SETTINGS, argparse.SUPPRESS, env=("MONITOR_SETTINGS",)),
    Option(Args.DEPLOYMENT_ID, argparse.SUPPRESS, env=("DEPLOYMENT_ID", "MLOPS_DEPLOYMENT_ID")),
    Option(Args.MODEL_ID, argparse.SUPPRESS, env=("MODEL_ID", "MLOPS_MODEL_ID")),
    Option(
        Args.ALLOW_DR_API_ACCESS,
        argparse.SUPPRESS,
        flag=True,
        env=("ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS",),
    ),
    Option(Args.WEBSERVER_SERVER, argparse.SUPPRESS, env=("EXTERNAL_WEB_SERVER_URL",)),
    Option(Args.API_TOKEN, argparse.SUPPRESS, env=("API_TOKEN",)),
    Option(Args.GPU_PREDICTOR, argparse.SUPPRESS, choices=("triton", "nim", "vllm")),
    Option(Args.SIDECAR, argparse.SUPPRESS, flag=True),
    Option(Args.TRITON_HOST, argparse.SUPPRESS, default="http://localhost", env=("TRITON_HOST",)),
    Option(Args.TRITON_HTTP_PORT, argparse.SUPPRESS, default="8000", env=("TRITON_HTTP_PORT",)),
    Option(Args.TRITON_GRPC_PORT, argparse.SUPPRESS, default="8001", env=("TRITON_GRPC_PORT",)),
)


def options_of(command: str) -> tuple[Option, ...]:
    return tuple(option for option in OPTIONS if command in option.commands)
