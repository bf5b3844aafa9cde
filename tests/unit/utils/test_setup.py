from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from datarobot_drum import RuntimeParameters
from datarobot_drum.drum.command_line import arguments
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.utils.setup import setup_options
from datarobot_drum.runtime_parameters.exceptions import ErrorLoadingRuntimeParameter

Command = Callable[..., None]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """No variable that stands in for an option, and logging as it was."""
    root, loggers = logging.getLogger(), ("", "drum", "werkzeug")
    handlers, levels = root.handlers[:], [logging.getLogger(name).level for name in loggers]
    clean = {k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ}
    with mock.patch.dict(os.environ, clean, clear=True):
        yield
    root.handlers[:] = handlers
    for name, level in zip(loggers, levels, strict=True):
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    def put(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["drum", *words])

    put("server", "--code-dir", str(tmp_path), "--address", "localhost")
    return put


def define(tmp_path: Path, **definition: object) -> None:
    metadata = {"runtimeParameterDefinitions": [definition]}
    (tmp_path / "model-metadata.yaml").write_text(json.dumps(metadata))


@pytest.mark.usefixtures("command")
def test_effective_address_is_in_the_environment() -> None:
    os.environ["ADDRESS"] = "elsewhere:1"
    assert setup_options().address == "localhost:8080"
    assert os.environ["ADDRESS"] == "localhost:8080"


@pytest.mark.usefixtures("command")
def test_defaults_of_the_metadata_are_in_the_environment(tmp_path: Path) -> None:
    define(tmp_path, fieldName="A", type="numeric", defaultValue=3)
    setup_options()
    assert RuntimeParameters.get("A") == 3


def test_values_file_chooses_the_server(command: Command, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("DRUM_SERVER_TYPE: fastapi")
    command(
        *("server", f"--code-dir={tmp_path}", "--address=localhost"),
        f"--runtime-params-file={tmp_path / 'values.yaml'}",
    )
    setup_options()
    assert RuntimeParameters.get("DRUM_SERVER_TYPE") == "fastapi"


def test_values_file_named_by_a_variable_and_used_by_score(
    command: Command, tmp_path: Path
) -> None:
    define(tmp_path, fieldName="A", type="string")
    (tmp_path / "values.yaml").write_text("A: a")
    os.environ["RUNTIME_PARAMS_FILE"] = str(tmp_path / "values.yaml")
    command("score", "-cd", str(tmp_path), "--input", str(tmp_path / "values.yaml"))
    assert setup_options().subparser_name == "score"
    assert RuntimeParameters.get("A") == "a"


@pytest.mark.usefixtures("command")
def test_bad_parameter_ends_the_start(tmp_path: Path) -> None:
    define(tmp_path, fieldName="A", type="string", allowEmpty=False)
    with pytest.raises(ErrorLoadingRuntimeParameter, match="'A'"):
        setup_options()


@pytest.mark.usefixtures("command")
def test_launchers_get_the_same_object(tmp_path: Path) -> None:
    define(tmp_path, fieldName="A", type="numeric", defaultValue=3)
    first = setup_options()
    with mock.patch.object(arguments, "parse") as parse:
        assert setup_options() is first
    parse.assert_not_called()


def test_another_command_line_is_read(command: Command, tmp_path: Path) -> None:
    first = setup_options()
    command("server", "--code-dir", str(tmp_path), "--address", "localhost:81")
    assert setup_options() is not first
    assert os.environ["ADDRESS"] == "localhost:81"


@pytest.mark.usefixtures("command")
def test_another_environment_is_read() -> None:
    first = setup_options()
    os.environ["TARGET_TYPE"] = "anomaly"
    assert (first.target_type, setup_options().target_type) == (None, "anomaly")


def test_logging_level_applies(command: Command, tmp_path: Path) -> None:
    words = ("server", "--code-dir", str(tmp_path), "--address", "localhost")
    command(*words, "--logging-level", "error")
    setup_options()
    assert not logging.getLogger("drum.entry_point").isEnabledFor(logging.WARNING)
    assert logging.getLogger("drum.entry_point").isEnabledFor(logging.ERROR)


def test_commands_to_come_need_nothing_else(command: Command) -> None:
    command("fit", "--bogus")
    assert vars(setup_options()) == {"subparser_name": "fit"}


def test_a_misspelt_parameter_is_refused_wherever_it_stands(
    command: Command, tmp_path: Path
) -> None:
    with (
        mock.patch.dict(os.environ, {"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYP": "fastapi"}),
        pytest.raises(SettingError, match="in the variable MLOPS_.*mean 'DRUM_SERVER_TYPE'"),
    ):
        setup_options()
    (tmp_path / "values.yaml").write_text("DRUM_AUTH_TOKN: x\n")
    files = ("--code-dir", str(tmp_path), "--runtime-params-file", str(tmp_path / "values.yaml"))
    command("server", *files)
    with (
        mock.patch.dict(os.environ),
        pytest.raises(SettingError, match="in the values file. Did you mean 'DRUM_AUTH_TOKEN'"),
    ):
        setup_options()
    define(tmp_path, fieldName="DRUM_AUTH_TOKN", type="string")
    setup_options()
    assert RuntimeParameters.get("DRUM_AUTH_TOKN") == "x"
