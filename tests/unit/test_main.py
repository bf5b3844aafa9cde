from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock, patch

import pytest

from datarobot_drum import __main__ as command
from datarobot_drum import __version__
from datarobot_drum.drum import main as main_module
from datarobot_drum.drum.exceptions import (
    CustomHTTPError,
    DrumSchemaValidationException,
    StartupError,
    UsageError,
)
from datarobot_drum.drum.settings import Settings

Drum = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def drum() -> Drum:
    """Run ``python -m datarobot_drum`` with an environment of its own."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "datarobot_drum", *words],
            env={**env, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


class TestMain:
    @pytest.fixture(autouse=True)
    def sigterm(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGTERM)
        yield
        signal.signal(signal.SIGTERM, before)

    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mock]:
        def stand_in(name: str, function: str) -> Mock:
            module, called = ModuleType(name), Mock()
            setattr(module, function, called)
            monkeypatch.setitem(sys.modules, name, module)
            parent, _, child = name.rpartition(".")
            monkeypatch.setattr(import_module(parent), child, module, raising=False)
            return called

        return stand_in

    def run(self, **options: object) -> None:
        given = Namespace(code_dir="/m", logging_level="warning", **options)
        with patch.object(main_module, "setup_options", return_value=given):
            main_module.main()

    def test_server(self, module: Callable[..., Mock]) -> None:
        run_flask = module("datarobot_drum.drum.flask.run_flask", "run_flask")
        self.run(subparser_name="server", address="localhost:81")
        (settings,) = run_flask.call_args.args
        assert isinstance(settings, Settings)
        assert (settings.command, settings.server.port) == ("server", 81)

    def test_score(self, module: Callable[..., Mock]) -> None:
        build_predictor = module("datarobot_drum.drum.model.local", "build_predictor")
        run = module("datarobot_drum.drum.commands.score", "run")
        self.run(subparser_name="score", input="/rows.csv")
        settings, load_predictor = run.call_args.args
        assert (settings.command, settings.score.input) == ("score", "/rows.csv")
        build_predictor.assert_not_called()
        load_predictor()
        build_predictor.assert_called_once_with(settings.model)

    def test_sigterm_ends_a_score_like_ctrl_c(self, module: Callable[..., Mock]) -> None:
        module("datarobot_drum.drum.model.local", "build_predictor")
        run = module("datarobot_drum.drum.commands.score", "run")
        run.side_effect = lambda *_: signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            self.run(subparser_name="score", input="/rows.csv")

    @pytest.mark.parametrize("name", ["fit", "validation", "perf-test", "new", "push"])
    def test_commands_to_come(self, name: str) -> None:
        with pytest.raises(UsageError, match=f"^this version of drum has no '{name}' yet$"):
            self.run(subparser_name=name)


class TestFailures:
    """What the wrapper makes of an error: one message on stderr and an exit code."""

    @pytest.fixture(autouse=True)
    def command_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["drum", "server"])
        monkeypatch.delenv("SHOW_STACKTRACE", raising=False)

    def run(self, error: BaseException | None) -> int:
        with patch.object(command, "run_drum_server", side_effect=error):
            return command.main()

    @pytest.mark.parametrize(
        ("error", "text", "code"),
        [
            (UsageError("no"), "no", 2),
            (StartupError("\n\nRunning\nenvironment "), "Running\nenvironment", 1),
            (DrumSchemaValidationException("schema"), "schema", 3),
            (ValueError("Invalid DRUM_SERVER_TYPE: 'x'."), "Invalid DRUM_SERVER_TYPE: 'x'.", 1),
            (
                RuntimeError("Found too many custom hook files"),
                "Found too many custom hook files",
                1,
            ),
            (OSError(13, "Permission denied", "p"), "[Errno 13] Permission denied: 'p'", 1),
            (CustomHTTPError("not today"), "not today", 1),
            (KeyError("x"), "KeyError: 'x'", 1),
            (ValueError(), "ValueError", 1),
            (
                ModuleNotFoundError("No module named 'gunicorn'", name="gunicorn"),
                "No module named 'gunicorn'. This server needs it: pip install gunicorn",
                1,
            ),
            (
                ModuleNotFoundError("No module named 'x'", name="x"),
                "ModuleNotFoundError: No module named 'x'",
                1,
            ),
        ],
    )
    def test_message_and_code(
        self, error: Exception, text: str, code: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(error) == code
        assert capsys.readouterr() == ("", f"{text}\n")

    def test_traceback_only_when_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["drum", "server", "--show-stacktrace"])
        assert self.run(StartupError("why")) == 1
        err = capsys.readouterr().err
        assert err.startswith("Traceback (most recent call last)")
        assert err.endswith("\nwhy\n")

    def test_ctrl_c(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(KeyboardInterrupt()) == 130
        assert capsys.readouterr() == ("", "\nCtrl+C pressed, aborting drum\n")

    def test_success(self) -> None:
        assert self.run(None) == 0

    def test_exit_of_a_server_passes(self) -> None:
        with pytest.raises(SystemExit) as caught:
            self.run(SystemExit(130))
        assert caught.value.code == 130


class TestProcess:
    def test_version(self, drum: Drum) -> None:
        done = drum("--version")
        assert (done.returncode, done.stdout, done.stderr) == (0, f"drum {__version__}\n", "")

    def test_alone(self, drum: Drum) -> None:
        done = drum()
        assert done.returncode == 1
        assert done.stdout.startswith("usage: drum ")

    def test_command_to_come(self, drum: Drum) -> None:
        done = drum("fit", "--code-dir", "x")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "this version of drum has no 'fit' yet\n"

    def test_usage_error(self, drum: Drum) -> None:
        done = drum("server", "--address", "localhost", "--code-dir", "/no/such")
        assert (done.returncode, done.stdout) == (2, "")
        assert "The path /no/such is not a directory!" in done.stderr

    def test_refusal(self, drum: Drum, tmp_path: Path) -> None:
        done = drum("server", "--address", "a", "-cd", str(tmp_path), PRODUCTION="1")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "Production mode requires a non-zero number of workers [--max-workers > 0].\n"
        )

    def test_invalid_server_from_a_values_file(self, drum: Drum, tmp_path: Path) -> None:
        (tmp_path / "values.yaml").write_text("DRUM_SERVER_TYPE: Invalid\n")
        values = str(tmp_path / "values.yaml")
        done = drum("server", CODE_DIR=str(tmp_path), ADDRESS="a", RUNTIME_PARAMS_FILE=values)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "Invalid DRUM_SERVER_TYPE: 'invalid'."
            " Valid options are: fastapi, flask, gunicorn, uvicorn\n"
        )

    def test_bad_values_file(self, drum: Drum, tmp_path: Path) -> None:
        (tmp_path / "values.yaml").write_text("TYPO: 1\n")
        values = str(tmp_path / "values.yaml")
        done = drum("server", CODE_DIR=str(tmp_path), ADDRESS="a", RUNTIME_PARAMS_FILE=values)
        assert done.returncode == 1
        assert done.stderr == (
            "model-metadata.yaml must exist to use runtime parameters"
            " (the values file sets 'TYPO')\n"
        )

    def test_reader_that_goes_away(self) -> None:
        code = (
            "import sys; from datarobot_drum import __main__ as command;"
            "command.run_drum_server = lambda: print('a,b');"
            "sys.exit(command.main())"
        )
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w") as stdout:
            argv = [sys.executable, "-c", code]
            done = subprocess.run(
                argv, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
            )
        assert (done.returncode, done.stderr) == (1, "")

    def test_completion(self, drum: Drum, tmp_path: Path) -> None:
        pytest.importorskip("argcomplete")
        answer = tmp_path / "answer"
        line = "drum ser"
        drum(
            _ARGCOMPLETE="1",
            _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
            COMP_LINE=line,
            COMP_POINT=str(len(line)),
        )
        assert answer.read_text().strip() == "server"

    def test_completion_without_its_package(self, tmp_path: Path) -> None:
        code = (
            "import sys; sys.modules['argcomplete'] = None; sys.argv = ['drum', '--version'];"
            "from datarobot_drum.__main__ import main; sys.exit(main())"
        )
        env = {**os.environ, "_ARGCOMPLETE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, f"drum {__version__}\n")
        assert "argcomplete" in done.stderr

    def test_a_server_whose_log_nobody_reads_any_more_ends_well(self) -> None:
        code = (
            "import os, sys; from unittest.mock import patch\n"
            "from datarobot_drum import __main__ as command\n"
            "def serve(): os.write(2, sys.stdin.readline().encode()); print('a line of the log')\n"
            "with patch.object(command, 'run_drum_server', serve): sys.exit(command.main())"
        )
        env = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=env) as process:
            assert process.stdout and process.stdin
            process.stdout.close()
            process.stdin.close()
            assert process.wait() == 0
