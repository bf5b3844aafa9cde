"""For compatibility only: helpers that test-suites of model folders call."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final, TypeAlias

from datarobot_drum.drum.enum import ArgumentsOptions, TargetType
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.prediction.messages import parse_content_type

logger = get_drum_logger(__name__)

Run: TypeAlias = tuple["subprocess.Popen[str]", str, str]

_LABEL_LISTS: Final = (TargetType.MULTICLASS.value, TargetType.MULTILABEL.value)


def _exec_shell_cmd(
    cmd: str | Sequence[str],
    err_msg: str,
    assert_if_fail: bool = True,
    process_obj_holder: Any = None,
    env: Mapping[str, str] = os.environ,
    verbose: bool = True,
    capture_output: bool = True,
    stream_output: bool = False,
) -> Run:
    """Run a command to its end; text is split into words as a shell would, but no shell runs.

    Args:
        process_obj_holder: gets the attributes ``process``, ``out_stream``, ``err_stream``.
        verbose: log what the command wrote.
        capture_output, stream_output: captured unless one of them says otherwise.

    Returns:
        The process, and what it wrote to stdout and stderr, empty when not captured.

    Raises:
        AssertionError: it failed, and ``assert_if_fail``; the text starts with ``err_msg``.
    """
    words = shlex.split(cmd) if isinstance(cmd, str) else list(cmd)
    pipe = subprocess.PIPE if capture_output and not stream_output else None
    process = subprocess.Popen(
        words, stdout=pipe, stderr=pipe, env=dict(env), text=True, start_new_session=True
    )
    if process_obj_holder is not None:
        process_obj_holder.process = process
    stdout, stderr = (text or "" for text in process.communicate())
    if process_obj_holder is not None:
        process_obj_holder.out_stream, process_obj_holder.err_stream = stdout, stderr
    if verbose:
        logger.info("%s\nstdout: %s\nstderr: %s", shlex.join(words), stdout, stderr)
    if assert_if_fail and process.returncode:
        raise AssertionError(f"{err_msg}\n{stderr}".rstrip())
    return process, stdout, stderr


def _cmd_add_class_labels(
    cmd: str,
    labels: Sequence[str] | None,
    target_type: str | TargetType,
    multiclass_label_file: IO[Any] | None = None,
    pass_args_as_env_vars: bool = False,
) -> str:
    """The command with the options for class labels; see ``label_options``.

    Args:
        multiclass_label_file: an open file that the labels are written into, text or binary.
        pass_args_as_env_vars: set this process's variables instead, as a child inherits them.
    """
    options = label_options(labels, target_type, multiclass_label_file)
    if pass_args_as_env_vars:
        os.environ.update(as_variables(options))
        return cmd
    return " ".join([cmd, *map(shlex.quote, as_words(options))])


def get_mimetype_charset_from_content_type_header(header: str | None) -> tuple[str, str | None]:
    """The two parts of a Content-Type header: ``text/csv; charset=utf-8``."""
    content_type = parse_content_type(header or "")
    return content_type.mimetype, content_type.charset


def label_options(
    labels: Sequence[str] | None,
    target_type: str | TargetType,
    label_file: IO[Any] | None = None,
) -> dict[str, list[str]]:
    """Options and their values. Binary labels are ``[negative, positive]``: ``no``, ``yes``."""
    kind = TargetType(target_type).value
    if kind == TargetType.BINARY.value:
        negative, positive = labels or ("no", "yes")
        return {
            ArgumentsOptions.POSITIVE_CLASS_LABEL: [positive],
            ArgumentsOptions.NEGATIVE_CLASS_LABEL: [negative],
        }
    if kind not in _LABEL_LISTS or not labels:
        return {}
    if label_file is None:
        return {ArgumentsOptions.CLASS_LABELS: list(labels)}
    label_file.seek(0)
    label_file.truncate()
    text = "\n".join(labels)
    label_file.write(text if hasattr(label_file, "encoding") else text.encode())
    label_file.flush()
    return {ArgumentsOptions.CLASS_LABELS_FILE: [label_file.name]}


def as_words(options: Mapping[str, Sequence[str]]) -> list[str]:
    """The words of the command line; an option without values is a flag."""
    return [word for option, values in options.items() for word in (option, *values)]


def as_variables(options: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The variables that stand in for the options."""
    return {
        option.lstrip("-").replace("-", "_").upper(): " ".join(values) or "1"
        for option, values in options.items()
    }
