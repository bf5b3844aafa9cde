"""Options that do not go together, and those whose feature is not there yet."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Set
from typing import Final
from urllib.parse import urlsplit

from datarobot_drum.drum.enum import ArgumentsOptions as Args
from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumCommonException

_SEE_HELP: Final = "See --help option for more information"
_UNSTRUCTURED: Final = TargetType.UNSTRUCTURED.value

_UNBUILT: Final = (
    Args.DOCKER,
    Args.MEMORY,
    Args.MONITOR,
    Args.MONITOR_EMBEDDED,
    Args.MONITOR_SETTINGS,
    Args.ALLOW_DR_API_ACCESS,
    Args.GPU_PREDICTOR,
    Args.SIDECAR,
    Args.TRITON_HOST,
    Args.TRITON_HTTP_PORT,
    Args.TRITON_GRPC_PORT,
    # After the flags that they go with, so that a flag is named first.
    Args.DEPLOYMENT_ID,
    Args.MODEL_ID,
    Args.WEBSERVER_SERVER,
    Args.API_TOKEN,
)
_WITH_LABELS: Final = (TargetType.MULTICLASS.value, TargetType.MULTILABEL.value)


class LabelsError(ValueError):
    """Class labels that cannot be used: a usage error, exit 2."""


def read_class_labels(options: argparse.Namespace, given: Set[str]) -> list[str] | None:
    """The class labels in their order: from the file, or as given.

    Args:
        given: the destinations that the command line names.

    Raises:
        LabelsError: half a pair, two sources, fewer than two labels, or an unreadable file.
    """
    if (options.positive_class_label is None) != (options.negative_class_label is None):
        raise LabelsError(
            "\nError - for binary classification case, both positive and negative class labels"
            f" have to be provided. \n{_SEE_HELP}"
        )
    if {"class_labels", "class_labels_file"} <= given:
        raise LabelsError(
            "\nError - for multiclass classification, either the class labels or a class labels"
            f" file should be provided, but not both.\n{_SEE_HELP}"
        )
    if options.class_labels_file is not None:
        source = _source(Args.CLASS_LABELS_FILE, given)
        return _enough(options, _labels_in(options.class_labels_file), source)
    if options.class_labels is not None:
        return _enough(options, options.class_labels, _source(Args.CLASS_LABELS, given))
    return None


def _source(name: str, given: Set[str]) -> str:
    """What the user wrote: the option, or the variable that stands in for it."""
    return name if _dest(name) in given else f"environment variable {_dest(name).upper()}"


def _enough(options: argparse.Namespace, labels: list[str], source: str) -> list[str]:
    if len(labels) < 2 and options.target_type in (None, *_WITH_LABELS):
        raise LabelsError(f"{source}: Multiclass classification requires at least 2 labels.")
    return labels


def _labels_in(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            return [line for line in file.read().split("\n") if line]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise LabelsError(f"The class labels file {path} can't be read: {reason}") from None


def refuse(options: argparse.Namespace, given: Set[str]) -> None:
    """Raise ``DrumCommonException`` for the first thing that this run cannot do."""
    for check in _CHECKS:
        check(options, given)
    _refuse_unbuilt(options, given)
    _refuse_unstructured_only(options)


def _refuse_unstructured_only(options: argparse.Namespace) -> None:
    if options.target_type in (None, _UNSTRUCTURED):
        return  # None: the metadata says, and is looked at later
    for name in (Args.QUERY, Args.CONTENT_TYPE):
        if getattr(options, _dest(name)) is not None:
            raise DrumCommonException(
                f"{name} argument can be used only with --target-type {_UNSTRUCTURED}"
            )


def _refuse_skip_deps(options: argparse.Namespace, given: Set[str]) -> None:
    if options.skip_deps_install and options.docker is None:
        raise DrumCommonException(
            "Argument '--skip-deps-install' can only be used together with '--docker'."
        )


def _refuse_production(options: argparse.Namespace, given: Set[str]) -> None:
    if options.subparser_name == Args.SERVER and options.production and not options.max_workers:
        raise DrumCommonException(
            "Production mode requires a non-zero number of workers [--max-workers > 0]."
        )


def _refuse_monitoring(options: argparse.Namespace, given: Set[str]) -> None:
    if options.monitor and options.target_type == _UNSTRUCTURED:
        raise DrumCommonException("Error: MLOps monitoring can not be used in unstructured mode.")
    if options.monitor_embedded and options.target_type != _UNSTRUCTURED:
        raise DrumCommonException(
            "Error: MLOps embedded monitoring is supported for unstructured modes only."
        )
    text = "Error: MLOps Monitoring requires all monitoring options to be present."
    if options.monitor:
        _need(options, text, Args.MODEL_ID, Args.DEPLOYMENT_ID, Args.MONITOR_SETTINGS)
    if options.monitor_embedded:
        companions = (Args.MODEL_ID, Args.DEPLOYMENT_ID, Args.WEBSERVER_SERVER, Args.API_TOKEN)
        _need(options, text, *companions)


def _refuse_api_access(options: argparse.Namespace, given: Set[str]) -> None:
    if options.allow_dr_api_access:
        text = "Error: DataRobot APIs access requires certain option(s) that are missing."
        _need(options, text, Args.WEBSERVER_SERVER, Args.API_TOKEN)


def _need(options: argparse.Namespace, text: str, *names: str) -> None:
    missing = [name for name in names if not getattr(options, _dest(name))]
    if missing:
        raise DrumCommonException(f"{text} Missing: {', '.join(missing)}")


def _refuse_triton(options: argparse.Namespace, given: Set[str]) -> None:
    ports = (options.triton_http_port, options.triton_grpc_port)
    if options.gpu_predictor != "triton" and not any(dest.startswith("triton_") for dest in given):
        return
    if not _is_url(options.triton_host):
        raise DrumCommonException("Error: Triton Host URL must contain scheme and netloc")
    text = "Error: Triton HTTP port or GRPc port configuration is incorrect."
    if not all(port.isascii() and port.isdigit() and int(port) > 0 for port in ports):
        raise DrumCommonException(f"{text} Value should be a positive integer.")
    if int(ports[0]) == int(ports[1]):
        raise DrumCommonException(f"{text} Ports can't be the same.")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _refuse_unbuilt(options: argparse.Namespace, given: Set[str]) -> None:
    for name in _UNBUILT:
        # A variable counts only for a flag: the others may be set for another program.
        if _dest(name) in given or getattr(options, _dest(name)) is True:
            raise DrumCommonException(f"this version of drum has no '{name}' yet")


def _dest(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


_CHECKS: Final[tuple[Callable[[argparse.Namespace, Set[str]], None], ...]] = (
    _refuse_skip_deps,
    _refuse_production,
    _refuse_monitoring,
    _refuse_api_access,
    _refuse_triton,
)
