from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock, patch

import pytest

from datarobot_drum.drum import entry_point
from datarobot_drum.drum.enum import ArgumentsOptions
from datarobot_drum.drum.exceptions import StartupError

VARIABLE = "MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MLOPS_RUNTIME_PARAM")}
    with patch.dict(os.environ, clean, clear=True):
        yield


@pytest.fixture
def launchers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Mock]:
    """Stand-ins for the three launchers; the servers themselves are not imported."""
    mocks = {"flask": Mock(), "gunicorn": Mock(), "fastapi": Mock()}
    monkeypatch.setattr(entry_point, "main", mocks["flask"])
    for name, module, function in (
        ("gunicorn", "datarobot_drum.drum.gunicorn.run_gunicorn", "main_gunicorn"),
        ("fastapi", "datarobot_drum.drum.fastapi.run_uvicorn", "main_uvicorn"),
    ):
        stand_in = ModuleType(module)
        setattr(stand_in, function, mocks[name])
        monkeypatch.setitem(sys.modules, module, stand_in)
    return mocks


def run(command: str, code_dir: object = None) -> None:
    options = Mock(subparser_name=command, code_dir=code_dir or Mock())
    with patch("datarobot_drum.drum.entry_point.setup_options", return_value=options):
        entry_point.run_drum_server()


def platform_form(payload: object) -> str:
    return json.dumps({"type": "string", "payload": payload})


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("flask", "flask"),
        ("gunicorn", "gunicorn"),
        ("fastapi", "fastapi"),
        ("uvicorn", "fastapi"),
        ("UviCorn", "fastapi"),
        ("GUNICORN", "gunicorn"),
    ],
)
@pytest.mark.parametrize("platform", [True, False])
def test_named_server(launchers: dict[str, Mock], name: str, server: str, platform: bool) -> None:
    os.environ[VARIABLE] = platform_form(name) if platform else name
    assert entry_point._get_server_type() == server
    run(ArgumentsOptions.SERVER)
    assert [key for key, launcher in launchers.items() if launcher.called] == [server]
    launchers[server].assert_called_once_with()


def test_flask_unless_set(launchers: dict[str, Mock]) -> None:
    run(ArgumentsOptions.SERVER)
    launchers["flask"].assert_called_once_with()


@pytest.mark.parametrize("text", ["Invalid", platform_form("INVALID")])
def test_invalid_server(launchers: dict[str, Mock], text: str) -> None:
    os.environ[VARIABLE] = text
    expected = (
        "Invalid DRUM_SERVER_TYPE: 'invalid'. Valid options are: fastapi, flask, gunicorn, uvicorn"
    )
    for call in (entry_point._get_server_type, lambda: run(ArgumentsOptions.SERVER)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
            call()
        assert str(caught.value) == expected
    assert not any(launcher.called for launcher in launchers.values())


@pytest.mark.parametrize(
    ("text", "shown"),
    [(platform_form(None), "none"), ("", ""), (" flask", " flask"), ("werkzeug", "werkzeug")],
)
def test_other_invalid_values(text: str, shown: str) -> None:
    os.environ[VARIABLE] = text
    with pytest.raises(ValueError, match=f"Invalid DRUM_SERVER_TYPE: '{shown}'"):
        entry_point._get_server_type()


@pytest.mark.parametrize("command", ["score", "fit", "validation", "perf-test", "new", "push"])
def test_other_commands_never_look_at_the_server_type(
    launchers: dict[str, Mock], command: str
) -> None:
    os.environ[VARIABLE] = "invalid"
    run(command)
    launchers["flask"].assert_called_once_with()


def test_parameters_can_be_patched(launchers: dict[str, Mock]) -> None:
    with patch("datarobot_drum.drum.entry_point.RuntimeParameters") as parameters:
        parameters.has.return_value = True
        parameters.get.return_value = "gunicorn"
        run(ArgumentsOptions.SERVER)
    launchers["gunicorn"].assert_called_once_with()


@pytest.mark.parametrize(
    ("files", "server", "unused"),
    [
        ((), "flask", None),
        (("custom_flask.py",), "flask", None),
        (("custom_flask.py",), "gunicorn", None),
        (("custom_flask.py",), "fastapi", "custom_flask.py"),
        (("custom_fastapi.py",), "flask", "custom_fastapi.py"),
        (("custom_fastapi.py",), "gunicorn", "custom_fastapi.py"),
        (("custom_fastapi.py",), "fastapi", None),
        (("deeper/custom_flask.py",), "fastapi", "custom_flask.py"),
        (("deeper/custom_flask.py",), "flask", None),
        (("a/custom_fastapi.py", "b/custom_fastapi.py"), "flask", "custom_fastapi.py"),
        (("custom_flask.py", "custom_fastapi.py"), "flask", None),
        (("custom_flask.py", "custom_fastapi.py"), "fastapi", None),
    ],
)
@pytest.mark.parametrize("choice", ["unset", "refuse", "warn"])
def test_an_extension_for_other_servers_only_is_never_left_out_in_silence(
    launchers: dict[str, Mock],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    files: tuple[str, ...],
    server: str,
    unused: str | None,
    choice: str,
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.environ[VARIABLE] = server
    if choice != "unset":
        os.environ["MLOPS_RUNTIME_PARAM_DRUM_UNUSED_EXTENSION"] = choice
    refused = None
    with caplog.at_level(logging.WARNING, logger="drum"):
        try:
            run(ArgumentsOptions.SERVER, str(tmp_path))
        except StartupError as error:
            refused = str(error)
    warnings = [record.getMessage() for record in caplog.records]
    expected = unused is not None
    said = [*warnings, *([refused] if refused else [])]
    assert (refused is not None) == (expected and choice != "warn")
    assert launchers[server].called == (refused is None)
    assert len(said) == expected
    assert all(f"{unused} is not used by the {server} server" in text for text in said)
    assert all("DRUM_SERVER_TYPE" in text and "\n" not in text for text in said)
    assert refused is None or "DRUM_UNUSED_EXTENSION=warn" in refused


def test_default_server_warns_too(
    launchers: dict[str, Mock], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "custom_fastapi.py").touch()
    run(ArgumentsOptions.SERVER, str(tmp_path))
    assert "set the runtime parameter DRUM_SERVER_TYPE to 'fastapi'" in caplog.text
    launchers["flask"].assert_called_once_with()


def test_import_is_light() -> None:
    heavy = (
        "flask werkzeug gunicorn fastapi starlette uvicorn pandas numpy sklearn yaml argcomplete"
    )
    code = (
        "import sys, datarobot_drum.__main__, datarobot_drum.drum.entry_point;"
        f"print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_parameter_without_effect_is_warned_of_once(
    launchers: dict[str, Mock],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_THREADS", "4")
    run(ArgumentsOptions.SERVER, str(tmp_path))
    (record,) = caplog.records
    assert record.getMessage() == (
        "The runtime parameter DRUM_GUNICORN_THREADS has no effect on the flask server, only on"
        " gunicorn."
    )
    # A process that starts again by itself has said so.
    monkeypatch.setenv("DRUM_MODEL_IS_UNFIT_TO_SHARE", "1")
    run(ArgumentsOptions.SERVER, str(tmp_path))
    assert len(caplog.records) == 1
    assert launchers["flask"].call_count == 2


@pytest.mark.parametrize(
    ("name", "advice"),
    [("", ". It must not be empty."), ("gunicron", ". Did you mean 'gunicorn'?")],
)
def test_a_wrong_server_type_says_what_helps(
    name: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(ValueError, match=rf"gunicorn, uvicorn{advice.replace('?', '.')}$"):
        entry_point._get_server_type()
